#include "test_database.h"

#include <modapi/background_updater.h>
#include <modapi/cache_settings.h>
#include <modapi/configuration.h>
#include <modapi/homeserver.h>
#include <modapi/invalidation_bus.h>
#include <modapi/module_resolver.h>
#include <modapi/module_statistics.h>
#include <modapi/watchdog.h>
#include <modapi/worker.h>

#include <modapi/module_api.h>

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>
#include <boost/asio/thread_pool.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A host that was written before the hosting room: the headers' old places, modapi::Worker, a file given to each step.
namespace {

class OldHomeserver final : public modapi::Homeserver {
public:
    [[nodiscard]] const std::string& server_name() const noexcept override { return name_; }
    [[nodiscard]] const std::string& public_baseurl() const noexcept override { return url_; }

private:
    std::string name_ = "old.example.org";
    std::string url_ = "http://old.example.org/";
};

/// Refuses everything from its start() on, until its stop().
class ClosedHouse {
public:
    struct Config {
        std::string code;
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        Config parsed;
        parsed.code = config.required<std::string>("code");
        return parsed;
    }
    ClosedHouse(Config config, modapi::ModuleApi& api) : config_(std::move(config)) {
        api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&ClosedHouse::check_event_for_spam>(this)});
    }
    void start() { is_open_ = false; }
    void stop() { has_stopped = true; }

    static inline bool has_stopped = false;

private:
    callbacks::Verdict check_event_for_spam(const callbacks::Event&) {
        if (is_open_) return callbacks::NOT_SPAM;
        return callbacks::reject(config_.code, "the house is closed");
    }

    Config config_;
    bool is_open_ = true;
};

constexpr std::string_view old_configuration = R"(modules:
  - module: old.ClosedHouse
    config: {code: ORG_EXAMPLE_CLOSED}
)";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static_assert(std::same_as<modapi::Worker, modapi::ModuleHost>, "what takes the one takes the other");

TEST(OldHostTest, RunsByTheDeprecatedNames) {
    ClosedHouse::has_stopped = false;
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    const TestDatabase files;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(files.settings());
    modapi::InProcessInvalidationBus bus;
    OldHomeserver homeserver;
    modapi::ModuleResolver resolver({});
    resolver.add<ClosedHouse>("old.ClosedHouse");
    const modapi::ConfigurationFile file = modapi::ConfigurationFile::parse(old_configuration, "old.yaml");
    std::vector<modapi::ConfiguredModule> modules = modapi::configure_modules(file, resolver, [](const std::string&) {});

    modapi::WorkerSettings settings;
    settings.caches = modapi::CacheSettings();
    modapi::Worker worker(homeserver, time.environment(), *database, bus, pool.get_executor(), std::move(settings));
    worker.construct_modules(file, std::move(modules));
    time.run(worker.start_modules(file));

    callbacks::EventFields fields;
    fields.type = "m.room.message";
    fields.sender = "@alice:old.example.org";
    const callbacks::Event event(std::move(fields));
    const callbacks::Verdict verdict = time.run(worker.hooks().spam_checker.check_event_for_spam(event));
    ASSERT_TRUE(verdict.is_spam());
    EXPECT_EQ(verdict.errcode(), "ORG_EXAMPLE_CLOSED");
    const std::vector<modapi::ModuleStatistics> statistics = worker.module_statistics();
    ASSERT_EQ(statistics.size(), 1U);
    EXPECT_EQ(statistics[0].module, "old.ClosedHouse");
    time.run(worker.stop());
    EXPECT_TRUE(ClosedHouse::has_stopped);
}

#pragma GCC diagnostic pop

}  // namespace
