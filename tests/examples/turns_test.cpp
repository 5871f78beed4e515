#include "accounts/turns.h"

#include <async/sleep.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>

namespace {

using homeserver::Turns;
using namespace std::chrono_literals;

async::task<void> take_and_work(Turns& turns, std::string& trace, char who) {
    const Turns::Turn turn = co_await turns.take("name alice");
    trace += who;
    co_await async::sleep_for(1s);
    trace += who;
}

async::task<void> take_often(Turns& turns, int& count, bool& is_taken, int times) {
    for (int time = 0; time < times; ++time) {
        const Turns::Turn turn = co_await turns.take("name alice");
        EXPECT_FALSE(is_taken);
        is_taken = true;
        co_await async::reschedule();
        ++count;
        is_taken = false;
    }
}

TEST(Turns, ComeInTheOrderInWhichTheyWereAskedFor) {
    async::testing::simulation time;
    Turns turns;
    std::string trace;
    const auto first = time.start(take_and_work(turns, trace, 'a'));
    const auto second = time.start(take_and_work(turns, trace, 'b'));
    const auto third = time.start(take_and_work(turns, trace, 'c'));
    time.advance(3s);
    EXPECT_EQ(trace, "aabbcc");
    EXPECT_TRUE(first.done());
    EXPECT_TRUE(second.done());
    EXPECT_TRUE(third.done());
}

TEST(Turns, WakeWhoWaitsWithoutLettingTimePass) {
    async::testing::simulation time;
    Turns turns;
    Turns::Turn held = turns.begin("name alice");
    const auto waiting = time.start(turns.take("name alice"));
    time.run_ready();
    EXPECT_FALSE(waiting.done());
    EXPECT_FALSE(time.clock().next_due());
    held.reset();
    time.run_ready();
    EXPECT_TRUE(waiting.done());
}

TEST(Turns, AtOneThingLeaveOthersAlone) {
    async::testing::simulation time;
    Turns turns;
    const Turns::Turn held = turns.begin("name alice");
    EXPECT_FALSE(turns.begin("name alice"));
    EXPECT_TRUE(time.run(turns.take("name bob")));
}

TEST(Turns, CantBeBegunBeforeThoseWhoWaitForThem) {
    async::testing::simulation time;
    Turns turns;
    Turns::Turn held = turns.begin("name alice");
    auto waiting = std::make_optional(time.start(turns.take("name alice")));
    time.run_ready();
    held.reset();
    EXPECT_FALSE(turns.begin("name alice"));
    time.run_ready();
    ASSERT_TRUE(waiting->done());
    EXPECT_TRUE(waiting->result());
}

TEST(Turns, WhoIsCancelledWhileWaitingLeavesTheQueue) {
    async::testing::simulation time;
    Turns turns;
    Turns::Turn held = turns.begin("name alice");
    std::string trace;
    const auto cancelled = time.start(take_and_work(turns, trace, 'a'));
    const auto next = time.start(take_and_work(turns, trace, 'b'));
    time.run_ready();
    cancelled.cancel(async::cancel_reason::stopping);
    time.run_ready();
    ASSERT_TRUE(cancelled.done());
    EXPECT_THROW(cancelled.result(), async::operation_cancelled);
    held.reset();
    time.advance(1s);
    EXPECT_EQ(trace, "bb");
    EXPECT_TRUE(turns.begin("name alice"));
}

TEST(Turns, HandedToSomebodyWhoIsCancelledJustThenGoToTheNext) {
    async::testing::simulation time;
    Turns turns;
    std::string trace;
    Turns::Turn held = turns.begin("name alice");
    const auto cancelled_after = time.start(take_and_work(turns, trace, 'a'));
    const auto cancelled_before = time.start(take_and_work(turns, trace, 'b'));
    const auto next = time.start(take_and_work(turns, trace, 'c'));
    time.run_ready();
    held.reset();  // on its way to the first, who hasn't heard of it
    cancelled_after.cancel(async::cancel_reason::stopping);
    cancelled_before.cancel(async::cancel_reason::stopping);
    time.advance(1s);
    EXPECT_THROW(cancelled_after.result(), async::operation_cancelled);
    EXPECT_THROW(cancelled_before.result(), async::operation_cancelled);
    EXPECT_EQ(trace, "cc");
    EXPECT_TRUE(next.done());
    EXPECT_TRUE(turns.begin("name alice"));
}

TEST(Turns, OnTheirWayToAnExecutorThatGoesAreFreeAgain) {
    Turns turns;
    Turns::Turn held = turns.begin("name alice");
    {
        async::testing::simulation time;
        const auto waiting = time.start(turns.take("name alice"));
        time.run_ready();
        held.reset();
    }
    EXPECT_TRUE(turns.begin("name alice"));
}

TEST(Turns, AreOnePerTimeAcrossThreads) {
    constexpr int times = 2000;
    Turns turns;
    int count = 0;  // no atomics: the turn keeps the threads apart
    bool is_taken = false;
    const auto work = [&] {
        boost::asio::io_context io(1);
        const async::environment where(io.get_executor());
        async::sync_wait(io, where, take_often(turns, count, is_taken, times));
    };
    std::thread other(work);
    work();
    other.join();
    EXPECT_EQ(count, 2 * times);
    EXPECT_TRUE(turns.begin("name alice"));
}

}  // namespace
