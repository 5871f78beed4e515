#include <async/scope.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace scope_test {

using namespace std::chrono_literals;

/// A scope whose errors are kept.
struct Background {
    explicit Background(async::testing::simulation& time)
        : scope(time.environment(), [this](std::string_view name, std::exception_ptr) { failed.emplace_back(name); }) {}
    std::vector<std::string> failed;
    async::scope scope;
};

async::task<void> sleep_then_count(async::clock::duration length, int& count) {
    co_await async::sleep_for(length);
    ++count;
}
async::task<void> fail() {
    co_await async::reschedule();
    throw std::runtime_error("no");
}
async::task<void> spawn_another(Background& background, int& count) {
    background.scope.spawn("child", sleep_then_count(1s, count));
    co_return;
}

TEST(Scope, JoinWaitsForEverythingAlsoWhatIsSpawnedMeanwhile) {
    async::testing::simulation time;
    Background background(time);
    int count = 0;
    background.scope.spawn("first", sleep_then_count(2s, count));
    background.scope.spawn("second", spawn_another(background, count));
    time.run(background.scope.join());
    EXPECT_EQ(count, 2);
    EXPECT_EQ(background.scope.running(), 0U);
}

TEST(Scope, OneTaskThatFailsIsReportedAndTheOthersGoOn) {
    async::testing::simulation time;
    Background background(time);
    int count = 0;
    background.scope.spawn("bad", fail());
    background.scope.spawn("good", sleep_then_count(1s, count));
    time.run(background.scope.join());
    EXPECT_EQ(background.failed, std::vector<std::string>{"bad"});
    EXPECT_EQ(count, 1);
}

TEST(Scope, CancelEndsWhatRunsAndWhatComesLaterWithoutAReport) {
    async::testing::simulation time;
    Background background(time);
    int count = 0;
    background.scope.spawn("sleeper", sleep_then_count(1h, count));
    time.run_ready();
    background.scope.cancel();
    background.scope.spawn("late", sleep_then_count(1h, count));
    time.run(background.scope.join());
    EXPECT_EQ(count, 0);
    EXPECT_TRUE(background.failed.empty());
}

}  // namespace scope_test
