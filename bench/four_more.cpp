#include <modapi/module_api.h>

#include <string>
#include <utility>

/// Sends four messages into a room before somebody leaves it: an operation that stores five events, one after the other.
class FourMore {
public:
    struct Config {};
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({});
        return {};
    }

    FourMore(Config, modapi::ModuleApi& api) : api_(api) {
        api.register_third_party_rules_callbacks({.check_event_allowed = async::bind<&FourMore::check_event_allowed>(this)});
    }

private:
    async::task<callbacks::EventDecision> check_event_allowed(const callbacks::Event& event, const callbacks::StateMap&) {
        if (event.membership() != "leave") co_return callbacks::EVENT_ALLOWED;
        for (int number = 1; number <= 4; ++number) {
            callbacks::JsonDict message;
            message["msgtype"] = "m.notice";
            message["body"] = "farewell " + std::to_string(number);
            callbacks::JsonDict farewell;
            farewell["room_id"] = event.room_id();
            farewell["sender"] = event.sender();
            farewell["type"] = "m.room.message";
            farewell["content"] = std::move(message);
            co_await api_.create_and_send_event_into_room(std::move(farewell));
        }
        co_return callbacks::EVENT_ALLOWED;
    }

    modapi::ModuleApi& api_;
};

MODAPI_MODULE(FourMore)
