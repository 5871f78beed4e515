#include <modapi/module_api.h>

#include <async/notification.h>
#include <async/sleep.h>

#include <chrono>
#include <stdexcept>

/// Never answers whether a message is spam whose body is "hang", as if the service behind it were away; fails for "throw", and takes
/// its time for "wait".
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
        if (body != nullptr && *body == "throw") throw std::runtime_error("the service is away");
        if (body != nullptr && *body == "wait") co_await async::sleep_for(std::chrono::milliseconds(100));
        co_return callbacks::NOT_SPAM;
    }
};

MODAPI_MODULE(HangingCheck)
