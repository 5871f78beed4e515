#include <modapi/module_api.h>

#include <spdlog/logger.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// Paces the server's background updates: a rest before each iteration, a duration to aim for, sizes of the batches.
class UpdateController {
public:
    struct Config {
        double rest = 0;   ///< seconds
        int duration = 0;  ///< milliseconds
        int default_batch_size = 0;
        int min_batch_size = 0;
    };
    /// `rest_ms` (0), `duration_ms` (100), `default_batch_size` (100), `min_batch_size` (1).
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"rest_ms", "duration_ms", "default_batch_size", "min_batch_size"});
        Config parsed;
        parsed.rest = static_cast<double>(at_least(config, "rest_ms", 0, 0)) / 1000;
        parsed.duration = at_least(config, "duration_ms", 100, 1);
        parsed.default_batch_size = at_least(config, "default_batch_size", 100, 1);
        parsed.min_batch_size = at_least(config, "min_batch_size", 1, 1);
        return parsed;
    }

    UpdateController(Config config, modapi::ModuleApi& api) : config_(config), api_(api) {
        api.register_background_update_controller_callbacks(
            {.on_update = async::bind<&UpdateController::on_update>(this),
             .default_batch_size = async::bind<&UpdateController::default_batch_size>(this),
             .min_batch_size = async::bind<&UpdateController::min_batch_size>(this)});
    }

private:
    static int at_least(const modapi::ConfigSection& config, std::string_view key, int otherwise, int least) {
        const int value = config.value_or<int>(key, otherwise);
        if (value < least) config.fail(key, "must be at least " + std::to_string(least));
        return value;
    }

    async::context_manager<int> on_update(std::string update_name, std::string database_name, bool one_shot) {
        if (config_.rest > 0) co_await api_.sleep(config_.rest);
        const std::string_view kind = one_shot ? "one-shot " : "";
        api_.logger().info("{}update {} of {} begins an iteration", kind, update_name, database_name);
        try {
            co_yield config_.duration;
        } catch (...) {
            api_.logger().warn("an iteration of update {} failed", update_name);
            throw;
        }
        api_.logger().info("update {} ended its iteration", update_name);
    }

    int default_batch_size(const std::string&, const std::string&) { return config_.default_batch_size; }
    int min_batch_size(const std::string&, const std::string&) { return config_.min_batch_size; }

    Config config_;
    modapi::ModuleApi& api_;
};

MODAPI_MODULE(UpdateController)
