#include <async/notification.h>
#include <async/sleep.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace sleep_test {

using namespace std::chrono_literals;

async::task<async::clock::duration> time_of_sleep(async::clock::duration length) {
    const async::context& here = co_await async::this_context;
    const async::clock::time_point began = here.clock().now();
    co_await async::sleep_for(length);
    co_return here.clock().now() - began;
}

TEST(Sleep, LastsAsLongAsItIsTold) {
    async::testing::simulation time;
    EXPECT_EQ(time.run(time_of_sleep(90min)), 90min);
    EXPECT_EQ(time.run(time_of_sleep(1ns)), 1ns);
}

TEST(Sleep, OfNoTimeOrLessEndsAtOnce) {
    async::testing::simulation time;
    EXPECT_EQ(time.run(time_of_sleep(0s)), 0s);
    EXPECT_EQ(time.run(time_of_sleep(-1h)), 0s);
}

TEST(Sleep, RunsOnTheRealClockToo) { EXPECT_GE(async::sync_wait(time_of_sleep(2ms)), 2ms); }

TEST(Sleep, MayLastUntilTheEndOfAllTime) {
    async::testing::simulation time;
    const auto sleeping = time.start(time_of_sleep(async::clock::duration::max()));
    time.advance(24h * 365 * 100);
    EXPECT_FALSE(sleeping.done());
}

async::task<void> take_turns(std::string& trace, char who) {
    for (int turn = 0; turn < 3; ++turn) {
        trace += who;
        co_await async::reschedule();
    }
}

TEST(Reschedule, GivesOtherTasksATurn) {
    async::testing::simulation time;
    std::string trace;
    const auto first = time.start(take_turns(trace, 'a'));
    const auto second = time.start(take_turns(trace, 'b'));
    time.run_ready();
    EXPECT_EQ(trace, "ababab");
    EXPECT_TRUE(first.done());
    EXPECT_TRUE(second.done());
}

TEST(Reschedule, ThrowsWhenTheChainIsCancelled) {
    async::testing::simulation time;
    std::string trace;
    const auto running = time.start(take_turns(trace, 'a'));
    running.cancel(async::cancel_reason::stopping);
    time.run_ready();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_EQ(trace, "a");
}

async::task<int> value_after(async::clock::duration length) {
    co_await async::sleep_for(length);
    co_return 5;
}
async::task<int> value_after_all(async::clock::duration length) {
    try {
        co_await async::sleep_for(length);
    } catch (const async::deadline_exceeded&) {
        // A result beats the deadline.
    }
    co_return 6;
}
async::task<int> fail_after(async::clock::duration length) {
    co_await async::sleep_for(length);
    throw std::invalid_argument("its own error");
}

TEST(WithDeadline, PassesTheResultOn) {
    async::testing::simulation time;
    EXPECT_EQ(time.run(async::with_deadline(2s, value_after(1s))), 5);
    EXPECT_EQ(time.run(async::with_deadline(1s, value_after_all(1h))), 6);
    EXPECT_EQ(time.run(async::with_deadline(1s, async::make_ready_task(7))), 7);
}

TEST(WithDeadline, PassesTheBodysOwnErrorOn) {
    async::testing::simulation time;
    EXPECT_THROW(time.run(async::with_deadline(2s, fail_after(1s))), std::invalid_argument);
    EXPECT_THROW(time.run(async::with_deadline(1s, fail_after(2s))), async::deadline_exceeded);
}

TEST(WithDeadline, LeavesNoTimerBehind) {
    async::testing::simulation time;
    EXPECT_EQ(time.run(async::with_deadline(1h, value_after(1s))), 5);
    EXPECT_FALSE(time.clock().next_due().has_value());
}

TEST(WithDeadline, OfTheLargestDurationNeverExpires) {
    async::testing::simulation time;
    EXPECT_EQ(time.run(async::with_deadline(async::clock::duration::max(), value_after(1h))), 5);
}

async::task<std::string> go_on_after_a_deadline() {
    try {
        static_cast<void>(co_await async::with_deadline(1s, value_after(1h)));
    } catch (const async::deadline_exceeded&) {
    }
    // The deadline was that of the part that is over.
    co_await async::sleep_for(1s);
    co_return "went on";
}

TEST(WithDeadline, EndsOnlyThePartItIsAround) {
    async::testing::simulation time;
    EXPECT_EQ(time.run(go_on_after_a_deadline()), "went on");
}

TEST(WithDeadline, LetsTheCancellationsOfItsCallerThrough) {
    for (const async::cancel_reason reason : {async::cancel_reason::caller_gone, async::cancel_reason::stopping}) {
        async::testing::simulation time;
        const auto running = time.start(async::with_deadline(1h, value_after(30min)));
        time.run_ready();
        running.cancel(reason);
        time.run_ready();
        ASSERT_TRUE(running.done());
        EXPECT_THROW(running.result(), async::operation_cancelled);
    }
}

async::task<int> shielded_deadline() {
    const async::context& outer = co_await async::this_context;
    async::context inner = outer;
    inner.shielded = true;
    async::task<int> body = async::with_deadline(1h, value_after(1s));
    co_return co_await std::move(body).in(inner);
}

TEST(WithDeadline, KeepsTheShieldItIsIn) {
    async::testing::simulation time;
    const auto running = time.start(shielded_deadline());
    time.run_ready();
    running.cancel(async::cancel_reason::caller_gone);
    time.advance(1s);
    ASSERT_TRUE(running.done());
    EXPECT_EQ(running.result(), 5);
}

async::task<void> note_news(async::notification& news, std::string& trace, char who) {
    co_await news.wait();
    trace += who;
}

TEST(Notification, WakesItsWaitersInTheirOrderAndRemembersNothing) {
    async::testing::simulation time;
    async::notification news;
    std::string trace;
    news.notify_all();
    const auto first = time.start(note_news(news, trace, 'a'));
    const auto second = time.start(note_news(news, trace, 'b'));
    time.run_ready();
    EXPECT_EQ(trace, "");
    EXPECT_EQ(news.waiting(), 2U);
    news.notify_all();
    EXPECT_EQ(news.waiting(), 0U);
    EXPECT_EQ(trace, "") << "waiters are woken by a post";
    time.run_ready();
    EXPECT_EQ(trace, "ab");
    EXPECT_TRUE(first.done() && second.done());
}

}  // namespace sleep_test
