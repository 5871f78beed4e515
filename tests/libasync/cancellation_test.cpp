#include <async/cancellation.h>
#include <async/notification.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>

namespace cancellation_test {

using namespace std::chrono_literals;

async::task<std::string> sleep_an_hour() {
    try {
        co_await async::sleep_for(1h);
    } catch (const async::operation_cancelled& cancelled) {
        co_return cancelled.reason() == async::cancel_reason::caller_gone ? "caller gone" : "stopping";
    }
    co_return "slept";
}

TEST(Cancellation, WakesWhoSleepsAtOnceWithItsReason) {
    async::testing::simulation time;
    const auto gone = time.start(sleep_an_hour());
    const auto stopping = time.start(sleep_an_hour());
    time.run_ready();
    const auto before = time.clock().now();
    gone.cancel(async::cancel_reason::caller_gone);
    stopping.cancel(async::cancel_reason::stopping);
    time.run_ready();
    EXPECT_EQ(gone.result(), "caller gone");
    EXPECT_EQ(stopping.result(), "stopping");
    EXPECT_EQ(time.clock().now(), before);
}

async::task<int> swallow_everything() {
    int caught = 0;
    for (int turn = 0; turn < 3; ++turn) {
        try {
            co_await async::sleep_for(1s);
        } catch (const std::exception&) {
            ADD_FAILURE() << "a cancellation is no std::exception";
        } catch (...) {
            ++caught;
        }
    }
    co_return caught;
}

TEST(Cancellation, IsThrownByEveryAwaitFromThenOn) {
    async::testing::simulation time;
    const auto running = time.start(swallow_everything());
    time.run_ready();
    running.cancel(async::cancel_reason::stopping);
    time.run_ready();
    EXPECT_EQ(running.result(), 3);
}

async::task<void> wait_for(async::notification& news) { co_await news.wait(); }

TEST(Cancellation, TakesAWaiterOutOfTheQueue) {
    async::testing::simulation time;
    async::notification news;
    const auto waiting = time.start(wait_for(news));
    const auto other = time.start(wait_for(news));
    time.run_ready();
    EXPECT_EQ(news.waiting(), 2U);
    waiting.cancel(async::cancel_reason::caller_gone);
    time.run_ready();
    EXPECT_EQ(news.waiting(), 1U);
    EXPECT_THROW(waiting.result(), async::operation_cancelled);
    news.notify_all();
    time.run_ready();
    EXPECT_TRUE(other.done());
    EXPECT_FALSE(other.failed());
}

async::task<std::string> limited(async::clock::duration limit, async::clock::duration length) {
    try {
        co_await async::with_deadline(limit, []([[maybe_unused]] async::clock::duration duration) -> async::task<void> {
            co_await async::sleep_for(duration);
        }(length));
    } catch (const async::deadline_exceeded&) {
        co_return "too late";
    }
    co_return "in time";
}

TEST(Deadline, CutsWhatTakesLonger) {
    async::testing::simulation time;
    EXPECT_EQ(time.run(limited(2s, 1s)), "in time");
    const auto began = time.clock().now();
    EXPECT_EQ(time.run(limited(2s, 1h)), "too late");
    EXPECT_EQ(time.clock().now() - began, 2s);
}

async::task<std::string> outer_deadline() {
    try {
        co_return co_await async::with_deadline(1s, limited(5s, 1h));
    } catch (const async::deadline_exceeded&) {
        co_return "outer";
    }
}

TEST(Deadline, AnEarlierOneAroundItCountsAsWell) {
    async::testing::simulation time;
    const auto began = time.clock().now();
    static_cast<void>(time.run(outer_deadline()));
    EXPECT_EQ(time.clock().now() - began, 1s);
}

async::task<std::string> in_a_shield() {
    const async::context& outer = co_await async::this_context;
    async::context inner = outer;
    inner.shielded = true;
    async::task<std::string> body = sleep_an_hour();
    const std::string result = co_await std::move(body).in(inner);
    co_return result;
}

TEST(Shield, KeepsOutACallerThatIsGoneButNotAStop) {
    async::testing::simulation time;
    const auto gone = time.start(in_a_shield());
    const auto stopped = time.start(in_a_shield());
    time.run_ready();
    gone.cancel(async::cancel_reason::caller_gone);
    stopped.cancel(async::cancel_reason::stopping);
    time.run_ready();
    EXPECT_FALSE(gone.done());
    EXPECT_EQ(stopped.result(), "stopping");
    time.advance(1h);
    EXPECT_EQ(gone.result(), "slept");
}

}  // namespace cancellation_test
