#include <async/notification.h>
#include <async/run_on.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace virtual_time_test {

using namespace std::chrono_literals;

async::task<void> append_after(async::clock::duration length, std::string& trace, char what) {
    co_await async::sleep_for(length);
    trace += what;
}

TEST(VirtualTime, PassesOnlyWhenItIsTold) {
    async::testing::simulation time;
    std::string trace;
    const auto later = time.start(append_after(2h, trace, 'b'));
    const auto sooner = time.start(append_after(1h, trace, 'a'));
    time.run_ready();
    EXPECT_EQ(trace, "");
    time.advance(1h);
    EXPECT_EQ(trace, "a");
    time.advance(59min);
    EXPECT_FALSE(later.done());
    time.advance(1min);
    EXPECT_EQ(trace, "ab");
    EXPECT_TRUE(sooner.done());
}

TEST(VirtualTime, TimersOfOneMomentFireInTheOrderOfTheirCreation) {
    async::testing::simulation time;
    std::string trace;
    std::vector<async::testing::started<void>> running;
    for (const char what : {'1', '2', '3', '4'}) running.push_back(time.start(append_after(1s, trace, what)));
    time.advance(1s);
    EXPECT_EQ(trace, "1234");
}

async::task<void> wait_forever(async::notification& never) { co_await never.wait(); }

TEST(VirtualTime, ATaskThatNothingCanWakeIsADeadlock) {
    async::testing::simulation time;
    async::notification never;
    EXPECT_THROW(time.run(wait_forever(never)), async::testing::deadlock);
    EXPECT_EQ(never.waiting(), 0U);
}

void block() { std::this_thread::sleep_for(5ms); }
async::task<void> block_then_append(const boost::asio::any_io_executor& executor, std::string& trace) {
    co_await async::run_on(executor, &block);
    trace += 'w';
}

TEST(VirtualTime, StandsStillWhileBlockingWorkIsAway) {
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    const boost::asio::any_io_executor executor = pool.get_executor();
    std::string trace;
    const auto sleeping = time.start(append_after(1s, trace, 's'));
    time.run(block_then_append(executor, trace));
    EXPECT_EQ(trace, "w");
    time.advance(1s);
    EXPECT_EQ(trace, "ws");
    pool.join();
}

async::task<void> append_after_blocking_twice(const boost::asio::any_io_executor& executor, std::string& trace) {
    co_await async::sleep_for(1s);
    co_await block_then_append(executor, trace);
    co_await async::sleep_for(1s);
    co_await block_then_append(executor, trace);
}

TEST(VirtualTime, AdvancesBeyondATimerOnceTheBlockingWorkItBeganIsBack) {
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    const boost::asio::any_io_executor executor = pool.get_executor();
    std::string trace;
    const auto working = time.start(append_after_blocking_twice(executor, trace));
    const auto sleeping = time.start(append_after(3s, trace, 's'));
    time.advance(3s);
    EXPECT_TRUE(working.done());
    EXPECT_EQ(trace, "wws");
    pool.join();
}

TEST(VirtualTime, EndsTasksThatAreLeftOver) {
    std::string trace;
    async::notification never;
    {
        async::testing::simulation time;
        const auto sleeping = time.start(append_after(1h, trace, 'x'));
        const auto waiting = time.start(wait_forever(never));
        time.run_ready();
        EXPECT_EQ(never.waiting(), 1U);
    }
    EXPECT_EQ(never.waiting(), 0U);
    EXPECT_EQ(trace, "");
}

}  // namespace virtual_time_test
