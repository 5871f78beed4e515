#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/account_validity.h>
#include <callbacks/spam_checker.h>

#include <async/bind.h>

#include <spdlog/logger.h>

#include <atomic>
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
        : api_(api),
          how_to_start_(text_of(config, "start")),
          how_to_stop_(text_of(config, "stop")),
          talks_(config.contains("talks")) {
        if (config.contains("throw")) throw std::runtime_error("this module never starts");
        callbacks::AccountValidity validity;
        validity.is_user_expired = async::bind<&Stubborn::is_user_expired>(this);
        api.register_account_validity_callbacks(std::move(validity));
        callbacks::SpamChecker spam_checker;
        spam_checker.check_event_for_spam = async::bind<&Stubborn::check_event_for_spam>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
        if (talks_) api.logger().info("is built");
        if (talks_) api.logger().debug("is built of nothing");
    }

    async::task<void> start() {
        if (talks_) api_.logger().info("begins");
        co_await act(how_to_start_);
    }
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
    /// Holds events back whose text is "hold" until somebody says "let go", on whatever worker.
    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event) {
        const callbacks::JsonValue* const body = event.content().if_contains("body");
        if (body != nullptr && *body == "let go") is_let_go = true;
        if (body == nullptr || *body != "hold") co_return callbacks::NOT_SPAM;
        api_.logger().warn("is asked about what it holds back");
        while (!is_let_go) co_await api_.sleep(0.01);
        co_return callbacks::NOT_SPAM;
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

    static inline std::atomic<bool> is_let_go = false;

    modapi::ModuleApi& api_;
    std::string how_to_start_;
    std::string how_to_stop_;
    bool talks_;
};

}  // namespace stubborn

using stubborn::Stubborn;
MODAPI_MODULE(Stubborn)
