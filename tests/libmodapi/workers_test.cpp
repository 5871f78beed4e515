#include "journal.h"
#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/rule_change.h>
#include <modapi/hosting/workers.h>
#include <modapi/module_api.h>

#include <async/sleep.h>

#include <gtest/gtest.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// How workers end: whatever fails, in whichever phase, on whichever thread. Nothing here waits for time to pass: threads meet
/// at latches, and a host that is patient for nothing is cut at once.
namespace {

using namespace std::chrono_literals;
using modapi::HostError;
using modapi::HostPhase;
using modapi::ModuleApi;
using modapi::WorkerContext;
using Lines = std::vector<std::string>;

Journal journal;

bool comes_before(const Lines& lines, const std::string& first, const std::string& second) {
    const auto found = std::find(lines.begin(), lines.end(), first);
    return found != lines.end() && std::find(found, lines.end(), second) != lines.end();
}

/// Says what it does; fails to start where its configuration says so.
class Guest {
public:
    struct Config {
        std::string fails_to_start_on;
        std::string fails_to_stop_on;
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        Config parsed;
        parsed.fails_to_start_on = config.value_or<std::string>("fails_to_start_on", {});
        parsed.fails_to_stop_on = config.value_or<std::string>("fails_to_stop_on", {});
        return parsed;
    }
    Guest(Config config, ModuleApi& api) : config_(std::move(config)), worker_(api.worker_name().value_or("main")) {
        api.register_account_validity_callbacks({.on_user_registration = &Guest::refuse});
        api.register_third_party_rules_callbacks({.on_new_event = async::bind<&Guest::on_new_event>(this)});
    }
    void start() {
        if (worker_ == config_.fails_to_start_on) throw std::runtime_error("no luck");
        journal.note("start on " + worker_);
    }
    void stop() {
        journal.note("stop on " + worker_);
        if (worker_ == config_.fails_to_stop_on) throw std::runtime_error("no luck");
    }

private:
    static void refuse(const std::string&) { throw std::runtime_error("http://10.0.0.1/ is unreachable"); }
    void on_new_event(const callbacks::Event&, const callbacks::StateMap&) { journal.note("event on " + worker_); }

    Config config_;
    std::string worker_;
};

class House final : public modapi::HostWorker {
public:
    explicit House(const WorkerContext& place) : HostWorker(place) {}
    ~House() override { journal.note("gone " + name()); }
    House(const House&) = delete;
    House& operator=(const House&) = delete;

    const std::string& server_name() const noexcept override { return text_; }
    const std::string& public_baseurl() const noexcept override { return text_; }

    async::task<std::string> greet(std::string whom) {
        co_await async::sleep_for(0ms);
        co_return "hello " + whom + " on " + name();
    }
    async::task<std::unique_ptr<std::thread::id>> thread() {
        co_return std::make_unique<std::thread::id>(std::this_thread::get_id());
    }
    async::task<void> fail() {
        co_await async::sleep_for(0ms);
        throw std::runtime_error("the cellar is flooded");
    }
    async::task<void> register_user(std::string user) { co_await hooks().account_validity.on_user_registration(user); }
    async::task<void> wait_for_ever(std::latch* began) {
        began->count_down();
        try {
            co_await async::sleep_for(24h);
        } catch (const async::operation_cancelled&) {
            journal.note("cut on " + name());
            throw;
        }
    }

    bool begin_fails = false;
    bool end_fails = false;

private:
    void begin() override {
        if (begin_fails) throw std::runtime_error("no room");
        journal.note("begin " + name());
    }
    async::task<void> drain() override {
        journal.note("drain " + name());
        co_return;
    }
    async::task<void> end() override {
        journal.note("end " + name());
        co_await async::sleep_for(0ms);
        if (end_fails) throw std::runtime_error("the door is stuck");
    }

    std::string text_ = "example.org";
};

using Houses = modapi::Workers<House>;

class WorkersTest : public testing::Test {
protected:
    WorkersTest() : database(modapi::Database::open(files.settings())) {
        resolver.add<Guest>("my.Guest");
        settings.count = 2;
        settings.grace = 0ms;
        settings.time_to_stop = 60s;
        settings.signals = {SIGUSR1};
        static_cast<void>(journal.take());
    }

    std::vector<modapi::ConfiguredModule> modules(callbacks::JsonDict config = {}) {
        const std::vector<modapi::ModuleEntry> entries = {{"my.Guest", std::move(config)}};
        return modapi::configure_modules(entries, resolver);
    }
    /// What ends the building, or `act`.
    static std::optional<HostError> failure_of(const std::function<void()>& act) {
        try {
            act();
        } catch (const HostError& error) {
            return error;
        }
        return std::nullopt;
    }
    static void throw_on(House& house, const std::string& why) {
        boost::asio::post(house.where().executor, [why] { throw std::runtime_error(why); });
    }

    LogCapture log;
    TestDatabase files;
    modapi::ModuleResolver resolver = modapi::ModuleResolver({});  ///< modules refer to what it knows
    std::unique_ptr<modapi::Database> database;
    modapi::WorkerGroupSettings settings;
};

TEST_F(WorkersTest, ServeUntilTheyAreAskedToStopAndEndStepByStepOnAllOfThem) {
    Houses workers(settings, *database, modules());
    boost::asio::post(workers[1].where().executor, [&] { workers.request_stop(); });
    workers.serve([] { journal.note("closed"); });
    const Lines lines = journal.take();
    for (const std::string name : {"main", "worker1"}) {
        EXPECT_TRUE(comes_before(lines, "start on " + name, "begin " + name));
        EXPECT_TRUE(comes_before(lines, "closed", "drain " + name));
        EXPECT_TRUE(comes_before(lines, "end " + name, "stop on " + name));
        for (const std::string other : {"main", "worker1"}) {
            EXPECT_TRUE(comes_before(lines, "start on " + name, "begin " + other));
            EXPECT_TRUE(comes_before(lines, "drain " + name, "end " + other));
        }
    }
}

TEST_F(WorkersTest, OfANamedProcessHaveItsNameAndSoHaveTheirModules) {
    settings.worker_name = "sync";
    settings.worker_app = "my.app";
    settings.count = 3;
    Houses workers(settings, *database, modules());
    const std::vector<std::string> names = {"sync", "sync-1", "sync-2"};
    for (std::size_t index = 0; index < workers.size(); ++index) {
        EXPECT_EQ(workers[index].name(), names[index]);
        const modapi::WorkerSettings& of_worker = workers[index].modules().settings();
        EXPECT_EQ(of_worker.worker_name, names[index]);
        EXPECT_EQ(of_worker.worker_app, "my.app");
        EXPECT_EQ(of_worker.process_name, "sync");
    }
    workers.stop();
    EXPECT_TRUE(Journal::has(journal.take(), "stop on sync-2"));
}

TEST_F(WorkersTest, OfTheMainProcessHaveNoNameOnTheirFirstForModules) {
    settings.worker_app = "my.app";
    Houses workers(settings, *database, modules());
    EXPECT_EQ(workers[0].name(), "main");
    EXPECT_EQ(workers[0].modules().settings().worker_name, std::nullopt);
    EXPECT_EQ(workers[0].modules().settings().worker_app, std::nullopt);
    EXPECT_EQ(workers[0].modules().settings().process_name, "main");
    EXPECT_EQ(workers[1].modules().settings().worker_name, "worker1");
    EXPECT_EQ(workers[1].modules().settings().worker_app, "my.app");
}

TEST_F(WorkersTest, AddUpAndChangeWhatRunsOnOneOfThemOnlyByItsPosition) {
    const auto entry_on = [](const callbacks::JsonValue& run_on) {
        modapi::ModuleEntry entry{"my.Guest", {}};
        entry.run_on = run_on;
        return entry;
    };
    const std::vector<modapi::ModuleEntry> entries = {entry_on("elsewhere"), entry_on("background"), entry_on("all")};
    Houses workers(settings, *database, modapi::configure_modules(entries, resolver));
    const std::vector<modapi::ModuleStatistics> together = workers.wait_for_module_statistics();
    ASSERT_EQ(together.size(), 2U);
    EXPECT_EQ(together[0].position, 1U);
    EXPECT_EQ(together[1].position, 2U);
    EXPECT_LT(together[0].callbacks.at(0).place, together[1].callbacks.at(0).place);

    const auto change = [&](const std::string& which) {
        return workers.call(1, [&workers, which](House&) {
            modapi::RuleChange off;
            off.mode = async::call_mode::off;
            return workers.change_rules(which, off, 20s);
        });
    };
    EXPECT_EQ(change("1").position, 1U) << "asked of a worker where it doesn't run";
    EXPECT_EQ(workers[0].modules().module_statistics().at(0).callbacks.at(0).mode, async::call_mode::off);
    EXPECT_EQ(workers[1].modules().module_statistics().at(0).callbacks.at(0).mode, async::call_mode::enforce);
    const std::optional<HostError> failure = failure_of([&] { static_cast<void>(change("0")); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_NE(std::string(failure->what()).find("The entry 0 of modules: (module my.Guest) doesn't run in this process, as its run_on says"),
              std::string::npos)
        << failure->what();
}

TEST_F(WorkersTest, ServeUntilASignalComes) {
    Houses workers(settings, *database, modules());
    boost::asio::post(workers.front(), [] { static_cast<void>(std::raise(SIGUSR1)); });
    workers.serve();
    EXPECT_TRUE(Journal::has(journal.take(), "stop on worker1"));
}

TEST_F(WorkersTest, ServeNotAtAllWhenTheStopWasAskedForBefore) {
    Houses workers(settings, *database, modules());
    workers.request_stop();
    workers.serve();
    EXPECT_TRUE(Journal::has(journal.take(), "stop on main"));
}

TEST_F(WorkersTest, EndForAnExceptionThatLeavesAHandlerAndSayOnWhichWorker) {
    Houses workers(settings, *database, modules());
    throw_on(workers[1], "no luck");
    const std::optional<HostError> failure = failure_of([&] { workers.serve(); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "worker worker1: no luck");
    EXPECT_EQ(failure->phase(), HostPhase::serving);
    EXPECT_EQ(failure->worker(), "worker1");
    EXPECT_THROW(std::rethrow_exception(failure->cause()), std::runtime_error);
    const Lines lines = journal.take();
    for (const std::string name : {"main", "worker1"}) EXPECT_TRUE(comes_before(lines, "drain " + name, "stop on " + name));
}

TEST_F(WorkersTest, GoOnAfterAnExceptionUntilTheirEndAndReportTheFirst) {
    Houses workers(settings, *database, modules());
    throw_on(workers[1], "the first");
    throw_on(workers[1], "the second");
    EXPECT_EQ(workers.call(1, &House::greet, std::string("bob")), "hello bob on worker1");
    const std::optional<HostError> failure = failure_of([&] { workers.serve(); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "worker worker1: the first");
    workers.stop();
    EXPECT_TRUE(Journal::has(journal.take(), "stop on worker1"));
}

TEST_F(WorkersTest, EndForAnExceptionOfTheFrontWhichIsNoWorkers) {
    Houses workers(settings, *database, modules());
    boost::asio::post(workers.front(), [] { throw std::runtime_error("the gate fell"); });
    const std::optional<HostError> failure = failure_of([&] { workers.serve(); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "the gate fell");
    EXPECT_EQ(failure->worker(), "");
    EXPECT_TRUE(Journal::has(journal.take(), "stop on worker1"));
}

TEST_F(WorkersTest, StopEverythingWhenClosingFails) {
    Houses workers(settings, *database, modules());
    workers.request_stop();
    const std::optional<HostError> failure = failure_of([&] { workers.serve([] { throw std::runtime_error("stuck"); }); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "stuck");
    EXPECT_EQ(failure->phase(), HostPhase::stopping);
    EXPECT_TRUE(Journal::has(journal.take(), "stop on main"));
}

TEST_F(WorkersTest, GoOnStoppingWhenAHostsOrAModulesPartOfItFails) {
    callbacks::JsonDict config;
    config["fails_to_stop_on"] = "main";
    Houses workers(settings, *database, modules(std::move(config)));
    workers[0].end_fails = true;
    workers.stop();
    const Lines lines = journal.take();
    EXPECT_TRUE(Journal::has(lines, "stop on main") && Journal::has(lines, "stop on worker1"));
    EXPECT_TRUE(log.contains("error: stopping the modules failed: the door is stuck")) << log.text();
    EXPECT_TRUE(log.contains("error: module my.Guest: stop() failed: no luck")) << log.text();
}

TEST_F(WorkersTest, RunAnOperationOnTheWorkersThreadAndGiveItsResult) {
    Houses workers(settings, *database, modules());
    EXPECT_EQ(workers.call(0, &House::greet, std::string("alice")), "hello alice on main");
    const std::unique_ptr<std::thread::id> first = workers.call(1, &House::thread);
    const std::unique_ptr<std::thread::id> second = workers.call(1, &House::thread);
    const std::unique_ptr<std::thread::id> other = workers.call(0, &House::thread);
    EXPECT_EQ(*first, *second);
    EXPECT_NE(*first, *other);
    EXPECT_NE(*first, std::this_thread::get_id());
}

TEST_F(WorkersTest, SayWhoFailedAnOperationAndGoOn) {
    Houses workers(settings, *database, modules());
    const std::optional<HostError> own = failure_of([&] { workers.call(1, &House::fail); });
    ASSERT_TRUE(own.has_value());
    EXPECT_STREQ(own->what(), "worker worker1: the cellar is flooded");
    EXPECT_EQ(own->module(), "");
    const std::optional<HostError> of_module =
        failure_of([&] { workers.call(0, &House::register_user, std::string("@alice:example.org")); });
    ASSERT_TRUE(of_module.has_value());
    EXPECT_STREQ(of_module->what(),
                 "worker main: on_user_registration of module my.Guest failed: http://10.0.0.1/ is unreachable");
    EXPECT_EQ(of_module->module(), "my.Guest");
    EXPECT_EQ(of_module->callback(), "on_user_registration");
    EXPECT_THROW(std::rethrow_exception(of_module->cause()), std::runtime_error);
    EXPECT_EQ(workers.call(1, &House::greet, std::string("bob")), "hello bob on worker1");
    workers.stop();
}

TEST_F(WorkersTest, CutAnOperationThatTheStopFinds) {
    Houses workers(settings, *database, modules());
    std::latch began(1);
    std::future<std::optional<HostError>> waiting =
        std::async(std::launch::async, [&] { return failure_of([&] { workers.call(1, &House::wait_for_ever, &began); }); });
    began.wait();
    workers.stop();
    const std::optional<HostError> failure = waiting.get();
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->worker(), "worker1");
    EXPECT_TRUE(comes_before(journal.take(), "cut on worker1", "stop on worker1"));
}

TEST_F(WorkersTest, RefuseAnOperationAfterTheirStop) {
    Houses workers(settings, *database, modules());
    workers.stop();
    EXPECT_THROW(workers.call(0, &House::fail), std::logic_error);
}

TEST_F(WorkersTest, StopOnce) {
    Houses workers(settings, *database, modules());
    workers.stop();
    EXPECT_TRUE(Journal::has(journal.take(), "stop on main"));
    workers.stop();
    EXPECT_EQ(journal.take(), Lines());
}

TEST_F(WorkersTest, EndWithTheScopeTheyStandIn) {
    { const Houses workers(settings, *database, modules()); }
    const Lines lines = journal.take();
    EXPECT_TRUE(comes_before(lines, "stop on worker1", "gone main"));
    EXPECT_TRUE(comes_before(lines, "stop on main", "gone worker1"));
}

TEST_F(WorkersTest, PutIntoTheLogWhatNobodyAskedThemFor) {
    {
        Houses workers(settings, *database, modules());
        throw_on(workers[0], "nobody looks");
    }
    EXPECT_TRUE(log.contains("error: worker main: nobody looks")) << log.text();
    EXPECT_TRUE(Journal::has(journal.take(), "stop on main"));
}

TEST_F(WorkersTest, StopWhatWasStartedWhenTheSecondOnesModuleFailsToStart) {
    callbacks::JsonDict config;
    config["fails_to_start_on"] = "worker1";
    const std::vector<modapi::ConfiguredModule> configured = modules(std::move(config));
    const std::optional<HostError> failure = failure_of([&] { const Houses workers(settings, *database, configured); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "modules[0]: start() failed: no luck (module my.Guest on worker worker1)");
    EXPECT_EQ(failure->phase(), HostPhase::starting);
    EXPECT_EQ(failure->worker(), "worker1");
    EXPECT_EQ(failure->module(), "my.Guest");
    const Lines lines = journal.take();
    EXPECT_TRUE(comes_before(lines, "start on main", "stop on main"));
    EXPECT_FALSE(Journal::has(lines, "start on worker1") || Journal::has(lines, "stop on worker1") || Journal::has(lines, "begin main"));
    EXPECT_TRUE(Journal::has(lines, "end worker1") && Journal::has(lines, "gone main") && Journal::has(lines, "gone worker1"));
}

TEST_F(WorkersTest, StopWhatWasStartedWhenTheHostsSecondPartFailsToBegin) {
    const auto make = [](const WorkerContext& place) {
        auto made = std::make_unique<House>(place);
        made->begin_fails = place.index == 1;
        return made;
    };
    const std::vector<modapi::ConfiguredModule> configured = modules();
    const std::optional<HostError> failure = failure_of([&] { const Houses workers(settings, *database, configured, make); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "worker worker1: no room");
    EXPECT_EQ(failure->phase(), HostPhase::starting);
    const Lines lines = journal.take();
    EXPECT_TRUE(comes_before(lines, "begin main", "stop on main"));
    EXPECT_TRUE(Journal::has(lines, "stop on worker1"));
}

TEST_F(WorkersTest, LeaveNothingBehindWhenTheSecondOneCantBeBuilt) {
    const auto make = [](const WorkerContext& place) {
        if (place.index == 1) throw std::runtime_error("no bricks");
        return std::make_unique<House>(place);
    };
    const std::vector<modapi::ConfiguredModule> configured = modules();
    const std::optional<HostError> failure = failure_of([&] { const Houses workers(settings, *database, configured, make); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "worker worker1: no bricks");
    EXPECT_EQ(failure->phase(), HostPhase::building);
    const Lines lines = journal.take();
    EXPECT_FALSE(Journal::has(lines, "start on main"));
    EXPECT_TRUE(Journal::has(lines, "gone main"));
}

TEST_F(WorkersTest, SayWhatTheHostThrewBeforeTheyStopForIt) {
    Houses workers(settings, *database, modules());
    const auto body = [] { throw std::out_of_range("the port is taken"); };
    EXPECT_THROW(workers.run(body), std::out_of_range);
    const std::string said = log.text();
    const std::size_t told = said.find("error: stopping because of a failure: the port is taken");
    ASSERT_NE(told, std::string::npos) << said;
    EXPECT_LT(told, said.find("info: stopping\n")) << said;
    EXPECT_TRUE(Journal::has(journal.take(), "stop on worker1"));
}

TEST_F(WorkersTest, StopToTheEndOfWhatTheyRun) {
    Houses workers(settings, *database, modules());
    workers.run([&] { EXPECT_EQ(workers.call(0, &House::greet, std::string("bob")), "hello bob on main"); });
    EXPECT_TRUE(Journal::has(journal.take(), "stop on worker1"));
    EXPECT_FALSE(log.contains("because of a failure")) << log.text();
}

TEST_F(WorkersTest, SayOnceWhatEndedTheirServing) {
    Houses workers(settings, *database, modules());
    throw_on(workers[1], "no luck");
    const std::optional<HostError> failure = failure_of([&] { workers.run([&] { workers.serve(); }); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_STREQ(failure->what(), "worker worker1: no luck");
    EXPECT_FALSE(log.contains("no luck")) << "it is told to whom serve() throws it";
}

TEST_F(WorkersTest, TellTheModulesOfAllOfThemOfAnEvent) {
    settings.grace = 60s;  // a stop without patience cuts what wasn't told yet
    Houses workers(settings, *database, modules());
    callbacks::EventFields fields;
    fields.type = "m.room.message";
    workers.on_new_event(callbacks::Event(std::move(fields)), nullptr);
    workers.stop();
    const Lines lines = journal.take();
    for (const std::string name : {"main", "worker1"}) EXPECT_TRUE(comes_before(lines, "event on " + name, "stop on " + name));
}

}  // namespace
