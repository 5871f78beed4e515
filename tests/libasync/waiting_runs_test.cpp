#include <async/dispatch.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>
#include <async/waiting_runs.h>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

/// Runs of callbacks that wait: they are seen, named and cut without a timer for each.
namespace waiting_runs_test {

using namespace std::chrono_literals;

using waited_for = async::dispatch<"waited_for", bool(const std::string&), async::first_not<true>, async::skip>;

class WaitingEar final : public async::dispatch_observer {
public:
    struct Heard {
        std::string module;
        async::clock::duration so_far;
        std::size_t runs;
        bool operator==(const Heard&) const = default;
    };
    void on_error(const async::observed_run& run, async::error_level, const std::exception_ptr&) noexcept override {
        failed.push_back(run.callback.module);
    }
    void on_slow(const async::callback_identity&, async::clock::duration) noexcept override {}
    void on_waiting(const async::callback_identity& callback, async::clock::duration so_far,
                    std::size_t runs) noexcept override {
        waiting.push_back({callback.module, so_far, runs});
    }
    void on_decision(const async::observed_run&) noexcept override {}

    std::vector<Heard> waiting;
    std::vector<std::string> failed;
};

class Waiter {
public:
    async::task<bool> wait_long(const std::string&) {
        co_await async::sleep_for(1h);
        co_return true;
    }
    async::task<bool> wait_twice(const std::string&) {
        try {
            co_await async::sleep_for(1h);
        } catch (const async::deadline_exceeded&) {
            ++cut;
        }
        try {
            co_await async::sleep_for(1h);
        } catch (const async::deadline_exceeded&) {
            ++cut;
        }
        co_return true;
    }
    async::task<bool> wait_a_little(const std::string&) {
        co_await async::sleep_for(2s);
        co_return true;
    }
    bool answer(const std::string&) { return true; }

    int cut = 0;
};

async::task<bool> ask_waiter(const waited_for& dispatcher, std::string what) { co_return co_await dispatcher(what); }

struct WatchedRuns {
    WatchedRuns() {
        settings.observer = &ear;
        settings.waiting = &waiting.emplace(settings);
    }
    ~WatchedRuns() {
        time.end_all();
        waiting->stop();
    }
    WatchedRuns(const WatchedRuns&) = delete;
    WatchedRuns& operator=(const WatchedRuns&) = delete;

    [[nodiscard]] std::size_t in_flight() const {
        std::size_t count = 0;
        waiting->each([&](const async::waiting_run&) { ++count; });
        return count;
    }

    async::dispatch_settings settings;
    std::optional<async::waiting_runs> waiting;
    WaitingEar ear;
    Waiter module;
    waited_for dispatcher;
    async::testing::simulation time;
};

TEST(WaitingRuns, ALateRunIsNamedWhileItWaitsEachPeriodAgain) {
    WatchedRuns test;
    test.settings.slow = 3s;
    test.dispatcher.add("late", async::bind<&Waiter::wait_long>(&test.module), &test.settings);
    const auto running = test.time.start(ask_waiter(test.dispatcher, "x"));
    test.time.advance(3s);
    EXPECT_TRUE(test.ear.waiting.empty());
    test.time.advance(1s);
    EXPECT_EQ(test.ear.waiting, (std::vector<WaitingEar::Heard>{{"late", 4s, 1}}));
    test.time.advance(6s);
    EXPECT_EQ(test.ear.waiting, (std::vector<WaitingEar::Heard>{{"late", 4s, 1}, {"late", 7s, 1}, {"late", 10s, 1}}));
    EXPECT_EQ(test.in_flight(), 1U);
}

TEST(WaitingRuns, ManyLateRunsOfACallbackAreOneLine) {
    WatchedRuns test;
    test.dispatcher.add("late", async::bind<&Waiter::wait_long>(&test.module), &test.settings);
    std::vector<async::testing::started<bool>> running;
    for (int call = 0; call < 100; ++call) running.push_back(test.time.start(ask_waiter(test.dispatcher, "x")));
    test.time.advance(2s);
    EXPECT_EQ(test.ear.waiting, (std::vector<WaitingEar::Heard>{{"late", 2s, 100}}));
    EXPECT_EQ(test.in_flight(), 100U);
}

TEST(WaitingRuns, OneOverTheDeadlineIsCutWithinASecondUnderItsErrorRule) {
    WatchedRuns test;
    test.settings.callback_deadline = 60s;
    test.dispatcher.add("late", async::bind<&Waiter::wait_long>(&test.module), &test.settings);
    test.dispatcher.add("good", async::bind<&Waiter::answer>(&test.module), &test.settings);
    const auto running = test.time.start(ask_waiter(test.dispatcher, "x"));
    test.time.advance(59s);
    EXPECT_FALSE(running.done());
    test.time.advance(1s);
    ASSERT_TRUE(running.done());
    EXPECT_TRUE(running.result());
    EXPECT_EQ(test.ear.failed, std::vector<std::string>{"late"});
    EXPECT_EQ(test.in_flight(), 0U);
}

TEST(WaitingRuns, OneThatGoesOnAfterItsDeadlineIsCutAtEachAwait) {
    WatchedRuns test;
    test.settings.callback_deadline = 5s;
    test.dispatcher.add("late", async::bind<&Waiter::wait_twice>(&test.module), &test.settings);
    const auto running = test.time.start(ask_waiter(test.dispatcher, "x"));
    test.time.advance(5s);
    ASSERT_TRUE(running.done());
    EXPECT_TRUE(running.result());
    EXPECT_EQ(test.module.cut, 2);
    EXPECT_EQ(test.time.run(ask_waiter(test.dispatcher, "another")), true);
}

TEST(WaitingRuns, TheDeadlineOfOneHookIsNotTheNextOnes) {
    WatchedRuns test;
    test.settings.callback_deadline = 3s;
    for (const char* const module : {"first", "second"})
        test.dispatcher.add(module, async::bind<&Waiter::wait_twice>(&test.module), &test.settings);
    test.dispatcher.add("third", async::bind<&Waiter::wait_a_little>(&test.module), &test.settings);
    const auto running = test.time.start(ask_waiter(test.dispatcher, "x"));
    test.time.advance(6s);
    EXPECT_EQ(test.module.cut, 4);
    EXPECT_FALSE(running.done());
    test.time.advance(2s);
    ASSERT_TRUE(running.done());
    EXPECT_TRUE(test.ear.failed.empty());
}

TEST(WaitingRuns, AStopCutsARunThatHasADeadline) {
    WatchedRuns test;
    test.settings.callback_deadline = 60s;
    test.dispatcher.add("late", async::bind<&Waiter::wait_long>(&test.module), &test.settings);
    const auto running = test.time.start(ask_waiter(test.dispatcher, "x"));
    test.time.advance(1s);
    running.cancel(async::cancel_reason::caller_gone);
    test.time.run_ready();
    EXPECT_FALSE(running.done());
    running.cancel(async::cancel_reason::stopping);
    test.time.run_ready();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_TRUE(test.ear.failed.empty());
    EXPECT_EQ(test.in_flight(), 0U);
}

}  // namespace waiting_runs_test
