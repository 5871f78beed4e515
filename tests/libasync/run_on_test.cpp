#include <async/run_on.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>

namespace run_on_test {

using namespace std::chrono_literals;

std::thread::id own_thread() { return std::this_thread::get_id(); }
int add(int first, const int& second) { return first + second; }
int fail() { throw std::runtime_error("blocked"); }
void wait_for(std::shared_future<void>& gate) { gate.wait(); }
void count(std::atomic<int>*& calls) { ++*calls; }

TEST(RunOn, CallsOnTheOtherExecutorAndResumesHere) {
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    const boost::asio::any_io_executor executor = pool.get_executor();
    EXPECT_NE(time.run(async::run_on(executor, &own_thread)), std::this_thread::get_id());
    EXPECT_EQ(time.run(async::run_on(executor, &add, 1, 2)), 3);
    pool.join();
}

TEST(RunOn, PassesExceptionsOn) {
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    EXPECT_THROW(time.run(async::run_on(pool.get_executor(), &fail)), std::runtime_error);
    pool.join();
}

TEST(RunOn, WorkThatBeganIsWaitedForAndWorkThatDidntIsntDone) {
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    std::promise<void> gate;
    std::shared_future<void> opened = gate.get_future().share();
    std::atomic<int> calls = 0;
    const auto began = time.start(async::run_on(pool.get_executor(), &wait_for, opened));
    const auto queued = time.start(async::run_on(pool.get_executor(), &count, &calls));
    time.run_ready();
    queued.cancel(async::cancel_reason::stopping);
    time.run_ready();
    EXPECT_FALSE(began.done());
    gate.set_value();
    pool.join();
    time.run_ready();
    EXPECT_TRUE(began.done());
    ASSERT_TRUE(queued.done());
    EXPECT_THROW(queued.result(), async::operation_cancelled);
    EXPECT_EQ(calls, 0);
}

async::task<void> note_return(boost::asio::any_io_executor pool, std::string& order) {
    co_await async::run_on(pool, &own_thread);
    order += "returned ";
}

TEST(RunOn, ThoseThatReturnTogetherLetOthersHaveTheirTurnInBetween) {
    async::testing::simulation time;
    boost::asio::thread_pool pool(1);
    std::string order;
    std::promise<void> all_wait;
    boost::asio::post(pool, [&all_wait] { all_wait.get_future().wait(); });
    for (int task = 0; task < 3; ++task) static_cast<void>(time.start(note_return(pool.get_executor(), order)));
    time.run_ready();
    all_wait.set_value();
    pool.join();
    for (int handler = 0; handler < 2; ++handler) {
        boost::asio::post(time.environment().executor, [&order] { order += "another "; });
    }
    time.run_ready();
    EXPECT_EQ(order, "returned another another returned returned ");
}

}  // namespace run_on_test
