#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/account_validity.h>

#include <async/bind.h>

#include <spdlog/logger.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace stubborn {

/// A test's module: what its is_user_expired does depends on how the user is called, its start and stop on its configuration.
class Stubborn {
public:
    Stubborn(callbacks::JsonDict config, modapi::ModuleApi& api)
        : api_(api), how_to_start_(text_of(config, "start")), how_to_stop_(text_of(config, "stop")) {
        if (config.contains("throw")) throw std::runtime_error("this module never starts");
        callbacks::AccountValidity validity;
        validity.is_user_expired = async::bind<&Stubborn::is_user_expired>(this);
        api.register_account_validity_callbacks(std::move(validity));
    }

    async::task<void> start() { co_await act(how_to_start_); }
    async::task<void> stop() {
        co_await act(how_to_stop_);
        api_.logger().warn("has stopped");
    }

private:
    static constexpr double forever = 3600;

    static std::string text_of(const callbacks::JsonDict& config, std::string_view key) {
        const callbacks::JsonValue* const value = config.if_contains(key);
        return value != nullptr ? std::string(value->as_string()) : std::string();
    }
    async::task<void> act(const std::string& how) {
        if (how == "throw") throw std::runtime_error("there is nobody to talk to");
        if (how == "wait") co_await api_.sleep(forever);
    }
    async::task<std::optional<bool>> is_user_expired(const std::string& user) {
        if (user.starts_with("@expired")) co_return true;
        const std::string name = user;
        const bool is_special = name.starts_with("@slow") || name.starts_with("@waits") || name.starts_with("@blocks");
        if (is_special) api_.logger().warn("begins for {}", name);
        if (name.starts_with("@slow")) {
            co_await api_.sleep(0.3);
            api_.logger().warn("ends for {}", name);
        }
        if (name.starts_with("@waits")) co_await api_.sleep(forever);
        if (name.starts_with("@blocks")) {
            for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
        }
        co_return std::nullopt;
    }

    modapi::ModuleApi& api_;
    std::string how_to_start_;
    std::string how_to_stop_;
};

}  // namespace stubborn

using stubborn::Stubborn;
MODAPI_MODULE(Stubborn)
