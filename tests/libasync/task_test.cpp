#include <async/sleep.h>
#include <async/sync_wait.h>
#include <async/task.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace task_test {

using namespace std::chrono_literals;

async::task<void> note(std::string& trace, char what) {
    trace += what;
    co_return;
}
async::task<int> answer(int value) { co_return value; }
async::task<int> answer_later(int value) {
    co_await async::reschedule();
    co_return value;
}
async::task<int> fail() {
    throw std::runtime_error("it failed");
    co_return 0;
}
async::task<int> fail_later() {
    co_await async::reschedule();
    throw std::runtime_error("it failed later");
}

async::task<void> await_late(std::string& trace) {
    async::task<void> child = note(trace, 'c');
    trace += 'p';
    co_await std::move(child);
    trace += 'e';
}

TEST(Task, RunsOnlyWhenItIsAwaited) {
    std::string trace;
    async::sync_wait(await_late(trace));
    EXPECT_EQ(trace, "pce");
    { const async::task<void> dropped = note(trace, 'x'); }
    EXPECT_EQ(trace, "pce");
}

async::task<int> sum_of_three() {
    const int first = co_await answer(1);
    const int second = co_await answer_later(2);
    const int third = co_await answer(3);
    co_return first + second + third;
}

TEST(Task, GivesItsValueReadyOrNot) { EXPECT_EQ(async::sync_wait(sum_of_three()), 6); }

async::task<std::string> caught(bool later) {
    try {
        if (later) {
            static_cast<void>(co_await fail_later());
        } else {
            static_cast<void>(co_await fail());
        }
    } catch (const std::runtime_error& error) {
        co_return error.what();
    }
    co_return "nothing";
}

TEST(Task, ThrowsInTheAwaitingTask) {
    EXPECT_EQ(async::sync_wait(caught(false)), "it failed");
    EXPECT_EQ(async::sync_wait(caught(true)), "it failed later");
    EXPECT_THROW(async::sync_wait(fail_later()), std::runtime_error);
}

async::task<std::unique_ptr<int>> make_pointer() { co_return std::make_unique<int>(7); }
async::task<int> use_pointer() {
    const std::unique_ptr<int> made = co_await make_pointer();
    co_return *made;
}

TEST(Task, CarriesValuesThatOnlyMove) { EXPECT_EQ(async::sync_wait(use_pointer()), 7); }

TEST(Task, MadeFromAValueNeedsNoCoroutine) {
    EXPECT_EQ(async::sync_wait(async::task<int>(std::in_place, 5)), 5);
    async::sync_wait(async::make_ready_task());
}

async::task<const async::context*> context_of_child() { co_return &co_await async::this_context; }
async::task<bool> child_sees_our_environment() {
    const async::context& own = co_await async::this_context;
    const async::context* const seen = co_await context_of_child();
    co_return seen->environment == own.environment;
}

TEST(Task, InheritsTheContextOfItsAwaiter) {
    async::testing::simulation time;
    EXPECT_TRUE(time.run(child_sees_our_environment()));
}

async::task<bool> child_runs_in_another_context() {
    const async::context& own = co_await async::this_context;
    async::context inner = own;
    inner.shielded = true;
    async::task<const async::context*> child = context_of_child();
    const async::context* const seen = co_await std::move(child).in(inner);
    co_return seen == &inner;
}

TEST(Task, CanBeGivenAContextOfItsOwn) {
    async::testing::simulation time;
    EXPECT_TRUE(time.run(child_runs_in_another_context()));
}

struct Counted {
    explicit Counted(int& alive) : alive_(alive) { ++alive_; }
    Counted(const Counted& other) : alive_(other.alive_) { ++alive_; }
    ~Counted() { --alive_; }
    Counted& operator=(const Counted&) = delete;
    int& alive_;
};
async::task<void> hold(Counted) { co_await async::sleep_for(1s); }
async::task<void> hold_through_child(Counted held) {
    co_await hold(held);
    throw std::runtime_error("after the child");
}

TEST(Task, DestroysItsParametersOnEveryWayOut) {
    int alive = 0;
    async::testing::simulation time;
    EXPECT_THROW(time.run(hold_through_child(Counted(alive))), std::runtime_error);
    EXPECT_EQ(alive, 0);
    { const async::task<void> never_awaited = hold(Counted(alive)); }
    EXPECT_EQ(alive, 0);
}

}  // namespace task_test
