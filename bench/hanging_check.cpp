#include <modapi/module_api.h>

#include <async/notification.h>

/// Never answers whether a message is spam whose body is "hang": as if the service behind it were away.
class HangingCheck {
public:
    struct Config {};
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({});
        return {};
    }

    HangingCheck(Config, modapi::ModuleApi& api) {
        api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&HangingCheck::check_event_for_spam>(this)});
    }

private:
    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event) {
        const callbacks::JsonValue* const body = event.content().if_contains("body");
        async::notification never;
        if (body != nullptr && *body == "hang") co_await never.wait();
        co_return callbacks::NOT_SPAM;
    }
};

MODAPI_MODULE(HangingCheck)
