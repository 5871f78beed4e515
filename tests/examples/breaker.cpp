#include <modapi/module_api.h>

#include <spdlog/logger.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

/// A test's module: fails where its configuration says.
class Breaker {
public:
    struct Config {
        std::string fails;   ///< constructor, start, operation or stop; empty: nowhere
        std::string worker;  ///< only on this one, `main` or `worker1`; empty: on all
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"fails", "worker"});
        Config parsed;
        parsed.fails = config.value_or<std::string>("fails", {});
        parsed.worker = config.value_or<std::string>("worker", {});
        return parsed;
    }

    Breaker(const Config& config, modapi::ModuleApi& api) : api_(api) {
        const std::string worker = api.worker_name().value_or("main");
        if (config.worker.empty() || config.worker == worker) fails_ = config.fails;
        if (fails_ == "constructor") throw std::runtime_error("no room here");
        api.register_account_validity_callbacks({.on_user_registration = async::bind<&Breaker::on_user_registration>(this)});
    }
    async::task<void> start() {
        co_await api_.sleep(0);
        if (fails_ == "start") throw std::runtime_error("there is nobody to talk to");
        api_.logger().warn("has started on {}", api_.worker_name().value_or("main"));
    }
    async::task<void> stop() {
        co_await api_.sleep(0);
        while (fails_ == "stop") std::this_thread::sleep_for(std::chrono::seconds(1));
        constexpr double forever = 3600;
        if (fails_ == "stop waiting") co_await api_.sleep(forever);
        api_.logger().warn("has stopped on {}", api_.worker_name().value_or("main"));
    }

private:
    async::task<void> on_user_registration(const std::string& user) {
        const std::string name = user;
        co_await api_.sleep(0);
        if (fails_ == "operation" || name == "@fails:localhost") throw std::runtime_error("http://10.0.0.1/ is unreachable");
    }

    modapi::ModuleApi& api_;
    std::string fails_;
};

MODAPI_MODULE(Breaker)
