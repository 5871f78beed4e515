#include "log_capture.h"

#include <modapi/hosting/background_updater.h>

#include <callbacks/dispatchers.h>

#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Sizes = std::vector<std::int64_t>;
using Strings = std::vector<std::string>;

/// What waits, in memory; handlers remove their rows themselves.
class Table final : public modapi::BackgroundUpdateTable {
public:
    async::task<std::vector<modapi::PendingUpdate>> pending() override { co_return rows; }
    void add(const std::string& name, std::optional<std::string> depends_on = {}) {
        rows.push_back({name, std::move(depends_on), {}});
    }
    void remove(const std::string& name) {
        rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; }), rows.end());
    }
    std::vector<modapi::PendingUpdate> rows;
};

/// Does what it is asked, in the time it is told, until so many batches are done.
struct Work {
    async::task<std::int64_t> batch(const callbacks::JsonDict&, std::int64_t size) {
        asked.push_back(size);
        const std::size_t index = asked.size() - 1;
        if (index < durations.size()) co_await async::sleep_for(durations[index]);
        if (failing > 0) {
            --failing;
            throw std::runtime_error("no such luck");
        }
        if (asked.size() == batches) table.remove(name);
        co_return index < done.size() ? done[index] : size;
    }

    Table& table;
    std::string name;
    std::size_t batches = 1;
    int failing = 0;
    std::vector<std::chrono::milliseconds> durations = {};
    Sizes done = {};  ///< how many items a batch did; all where it says nothing
    Sizes asked = {};
};

class BackgroundUpdaterTest : public testing::Test {
protected:
    BackgroundUpdaterTest() { settings.sleep_enabled = false; }

    [[nodiscard]] modapi::BackgroundUpdater& updater() {
        if (!updater_) updater_.emplace("master", table, hooks.background_update_controller, settings, scope);
        return *updater_;
    }
    void registered(Work& work) { updater().register_update(work.name, async::bind<&Work::batch>(&work)); }
    /// Runs until nothing is left to do.
    void run() {
        updater().start();
        time.run(scope.join());
    }

    async::testing::simulation time;
    LogCapture log;
    callbacks::Dispatchers hooks;
    Table table;
    modapi::BackgroundUpdateSettings settings;
    async::scope scope{time.environment(), [](std::string_view, std::exception_ptr) {}};

private:
    std::optional<modapi::BackgroundUpdater> updater_;
};

int one(const std::string&, const std::string&) { return 1; }
int zero(const std::string&, const std::string&) { return 0; }
int ten(const std::string&, const std::string&) { return 10; }

async::context_manager<int> hundred_ms(const std::string&, const std::string&, bool) { co_yield 100; }

/// A controller that notes what it is told.
struct Controller {
    async::context_manager<int> on_update(std::string name, std::string database, bool one_shot) {
        trace.push_back("enter " + name + " of " + database + (one_shot ? ", one shot" : ""));
        try {
            co_yield 100;
        } catch (const std::exception& failure) {
            trace.push_back(std::string("failed: ") + failure.what());
            throw;
        }
        trace.push_back("exit");
    }
    Strings trace;
};

TEST_F(BackgroundUpdaterTest, SizesBatchesByTheAveragesOfTheWorkedExample) {
    settings.min_batch_size = 1;
    table.add("count");
    Work work{table, "count", 3, 0, {250ms, 80ms}};
    registered(work);
    run();
    EXPECT_EQ(work.asked, (Sizes{100, 40, 42}));
    EXPECT_EQ(updater().performance_of("count").total_items, 182);
    EXPECT_EQ(updater().performance_of("count").total_ms, 330);
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::complete);
}

TEST_F(BackgroundUpdaterTest, NeverAsksForLessThanTheConfiguredMinimum) {
    table.add("slow");
    Work work{table, "slow", 2, 0, {10s}};
    registered(work);
    run();
    EXPECT_EQ(work.asked, (Sizes{100, 100}));
}

TEST_F(BackgroundUpdaterTest, AsksForTheDefaultAsLongAsNoItemWasDone) {
    settings.default_batch_size = 7;
    table.add("empty");
    Work work{table, "empty", 3, 0, {1ms, 1ms, 1ms}, {0, 0, 7}};
    registered(work);
    run();
    EXPECT_EQ(work.asked, (Sizes{7, 7, 7}));
}

TEST_F(BackgroundUpdaterTest, TakesTheMinimumWhenNoTimeWasMeasured) {
    table.add("instant");
    settings.min_batch_size = 3;
    Work work{table, "instant", 2};
    registered(work);
    run();
    EXPECT_EQ(work.asked, (Sizes{100, 3}));
}

TEST_F(BackgroundUpdaterTest, RestsBeforeEachIterationUnlessTheConfigurationSaysNo) {
    settings.sleep_enabled = true;
    settings.sleep_duration_ms = 1000;
    table.add("calm");
    Work work{table, "calm", 3};
    registered(work);
    updater().start();
    time.advance(999ms);
    EXPECT_TRUE(work.asked.empty());
    time.advance(1ms);
    EXPECT_EQ(work.asked.size(), 1U);
    time.advance(2s);
    EXPECT_EQ(work.asked.size(), 3U);
    time.run(scope.join());
}

TEST_F(BackgroundUpdaterTest, RunsAnUpdateOnlyAfterTheOneItDependsOn) {
    table.add("a second", "z first");
    table.add("z first");
    Strings order;
    for (const char* const name : {"a second", "z first"}) {
        updater().register_update(name, [&, name](const callbacks::JsonDict&, std::int64_t) {
            order.emplace_back(name);
            table.remove(name);
            return std::int64_t{1};
        });
    }
    run();
    EXPECT_EQ(order, (Strings{"z first", "a second"}));
}

TEST_F(BackgroundUpdaterTest, AbortsAfterFiveFailuresInARow) {
    table.add("broken");
    Work work{table, "broken", 99, 99};
    registered(work);
    run();
    EXPECT_EQ(work.asked.size(), 5U);
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::aborted);
    EXPECT_TRUE(log.contains("background update broken failed: no such luck"));
    EXPECT_TRUE(log.contains("5 back-to-back background update failures"));
}

TEST_F(BackgroundUpdaterTest, ASuccessForgivesTheFailuresBeforeIt) {
    table.add("shaky");
    Work work{table, "shaky", 9, 4};
    registered(work);
    run();
    EXPECT_EQ(work.asked.size(), 9U);
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::complete);
}

TEST_F(BackgroundUpdaterTest, UpdatesThatWaitForEachOtherAreAnError) {
    table.add("a", "b");
    table.add("b", "a");
    run();
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::aborted);
    EXPECT_TRUE(log.contains("wait for each other"));
}

TEST_F(BackgroundUpdaterTest, AnUpdateThatNobodyDoesIsAnError) {
    table.add("orphan");
    run();
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::aborted);
    EXPECT_TRUE(log.contains("nothing is registered to do the background update orphan"));
}

TEST_F(BackgroundUpdaterTest, DisablingEndsTheLoopAfterItsIterationAndEnablingGoesOn) {
    table.add("long");
    Work work{table, "long", 2, 0, {1s, 1s}};
    registered(work);
    updater().start();
    time.advance(500ms);
    updater().set_enabled(false);
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::disabled);
    time.advance(10s);
    EXPECT_EQ(work.asked.size(), 1U);
    EXPECT_EQ(updater().current(), "long");
    updater().set_enabled(true);
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::running);
    time.run(scope.join());
    EXPECT_EQ(work.asked.size(), 2U);
}

TEST_F(BackgroundUpdaterTest, AControllerIsEnteredBeforeAndLeftAfterEachIteration) {
    Controller controller;
    ASSERT_TRUE(register_callbacks(
        hooks, "pacer",
        callbacks::BackgroundUpdateController{
            .on_update = async::bind<&Controller::on_update>(&controller), .default_batch_size = &ten, .min_batch_size = &one},
        nullptr));
    table.add("count");
    Work work{table, "count", 1, 1, {200ms, 200ms}};
    work.batches = 2;
    registered(work);
    run();
    EXPECT_EQ(controller.trace, (Strings{"enter count of master", "failed: no such luck", "enter count of master", "exit"}));
    EXPECT_EQ(work.asked, (Sizes{10, 10}));
}

TEST_F(BackgroundUpdaterTest, AOneShotUpdateIsAnnouncedAsOne) {
    Controller controller;
    ASSERT_TRUE(register_callbacks(
        hooks, "pacer", callbacks::BackgroundUpdateController{.on_update = async::bind<&Controller::on_update>(&controller)},
        nullptr));
    table.add("index");
    Work work{table, "index"};
    updater().register_one_shot_update("index", async::bind<&Work::batch>(&work));
    run();
    EXPECT_EQ(controller.trace, (Strings{"enter index of master, one shot", "exit"}));
}

TEST_F(BackgroundUpdaterTest, AMinimumBelowOneIsAnErrorThatNamesTheModule) {
    ASSERT_TRUE(register_callbacks(
        hooks, "careless", callbacks::BackgroundUpdateController{.on_update = &hundred_ms, .min_batch_size = &zero}, nullptr));
    table.add("count");
    Work work{table, "count", 9};
    registered(work);
    run();
    EXPECT_EQ(work.asked.size(), 1U);
    EXPECT_EQ(updater().status(), modapi::BackgroundUpdater::Status::aborted);
    EXPECT_TRUE(log.contains("min_batch_size of module careless is 0; it must be at least 1"));
}

TEST_F(BackgroundUpdaterTest, MayBeDestroyedBeforeTheScopeThatItRunsIn) {
    table.add("slow");
    Work work{.table = table, .name = "slow", .batches = 2, .durations = {1h, 1h}};
    {
        modapi::BackgroundUpdater early("master", table, hooks.background_update_controller, settings, scope);
        early.register_update(work.name, async::bind<&Work::batch>(&work));
        early.start();
        time.run_ready();
    }
    scope.cancel(async::cancel_reason::stopping);
    time.run(scope.join());
    EXPECT_EQ(work.asked.size(), 1U) << "it goes on no more";
}

TEST_F(BackgroundUpdaterTest, OfItsOwnIsStoppedAndGoesOnNoMore) {
    table.add("slow");
    Work work{.table = table, .name = "slow", .batches = 2, .durations = {1h, 1h}};
    modapi::BackgroundUpdater own("master", table, hooks.background_update_controller, settings, time.environment());
    own.register_update(work.name, async::bind<&Work::batch>(&work));
    own.start();
    time.run_ready();
    time.run(own.stop());
    EXPECT_EQ(work.asked.size(), 1U);
    own.start();
    time.run_ready();
    EXPECT_EQ(work.asked.size(), 1U);
}

}  // namespace
