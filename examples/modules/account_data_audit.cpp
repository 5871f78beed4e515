#include <modapi/module_api.h>

#include <boost/json/serialize.hpp>

#include <optional>
#include <string>
#include <utility>

/// Reports every change of a user's account data to a room (contract: "Account data callbacks", example).
class CustomAccountDataModule {
public:
    struct Config {
        std::string audit_room;
        std::string sender;  ///< a local user who is joined to that room
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"audit_room", "sender"});
        Config parsed;
        parsed.audit_room = config.required<std::string>("audit_room");
        parsed.sender = config.required<std::string>("sender");
        return parsed;
    }

    CustomAccountDataModule(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
        api.register_account_data_callbacks(
            {.on_account_data_updated = async::bind<&CustomAccountDataModule::log_new_account_data>(this)});
    }

private:
    async::task<void> log_new_account_data(const std::string& user_id, const std::optional<std::string>& room_id,
                                           const std::string& account_data_type, const callbacks::JsonDict& content) {
        std::string body = user_id + " has changed their account data for type " + account_data_type +
                           " to: " + boost::json::serialize(content);
        // The contract's example loses the text here; the place belongs behind it.
        if (room_id) body += " (in room " + *room_id + ")";
        callbacks::JsonDict message;
        message["msgtype"] = "m.text";
        message["body"] = std::move(body);
        callbacks::JsonDict event;
        event["room_id"] = config_.audit_room;
        event["sender"] = config_.sender;
        event["type"] = "m.room.message";
        event["content"] = std::move(message);
        co_await api_.create_and_send_event_into_room(std::move(event));
    }

    Config config_;
    modapi::ModuleApi& api_;
};

MODAPI_MODULE(CustomAccountDataModule)
