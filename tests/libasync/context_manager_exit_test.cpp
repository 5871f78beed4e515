#include <async/context_manager.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>

/// What leaves `with`, and what may cut a clean-up.
namespace context_manager_exit_test {

using namespace std::chrono_literals;

/// Fails where it is told to; its exit takes ten seconds and returns nothing, so that it deals with nothing.
class Fragile {
public:
    Fragile(std::string& trace, bool enter_fails, bool exit_fails)
        : trace_(&trace), enter_fails_(enter_fails), exit_fails_(exit_fails) {}
    async::task<int> enter() {
        if (enter_fails_) throw std::invalid_argument("enter");
        co_return 1;
    }
    async::task<void> exit(std::exception_ptr failure) {
        *trace_ += failure ? "failed " : "well ";
        try {
            co_await async::sleep_for(10s);
        } catch (...) {
            *trace_ += "cut";
            throw;
        }
        if (exit_fails_) throw std::out_of_range("exit");
        *trace_ += "cleaned";
    }

private:
    std::string* trace_;
    bool enter_fails_;
    bool exit_fails_;
};

/// Deals with whatever left the body.
class Forgiving {
public:
    async::task<int> enter() { return async::make_ready_task(1); }
    async::task<bool> exit(std::exception_ptr) { return async::make_ready_task(true); }
};

async::task<int> give(int& value) { co_return value; }
int give_at_once(int& value) { return value; }
async::task<int> fail(int&) {
    throw std::runtime_error("body");
    co_return 0;
}
async::task<void> fail_without_result(int&) {
    throw std::runtime_error("body");
    co_return;
}
async::task<int> sleep_long(int& value) {
    co_await async::sleep_for(1h);
    co_return value;
}

template <class Manager, class Body>
async::task<int> run(Manager manager, Body body) {
    co_return co_await async::with(std::move(manager), body);
}
async::task<void> run_without_result(Forgiving manager) { co_await async::with(manager, &fail_without_result); }

TEST(ContextManagerExit, OfAFailedEnterIsNotCalled) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_THROW(time.run(run(Fragile(trace, true, false), &give)), std::invalid_argument);
    EXPECT_EQ(trace, "");
}

TEST(ContextManagerExit, ThatReturnsNothingDealsWithNothing) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_THROW(time.run(run(Fragile(trace, false, false), &fail)), std::runtime_error);
    EXPECT_EQ(trace, "failed cleaned");
}

TEST(ContextManagerExit, ThatFailsReplacesWhatTheBodyDid) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_THROW(time.run(run(Fragile(trace, false, true), &give)), std::out_of_range);
    EXPECT_THROW(time.run(run(Fragile(trace, false, true), &fail)), std::out_of_range);
    EXPECT_EQ(trace, "well failed ");
}

TEST(ContextManagerExit, CantDealWithTheFailureOfABodyWithAResult) {
    async::testing::simulation time;
    EXPECT_THROW(time.run(run(Forgiving(), &fail)), std::runtime_error);
    EXPECT_NO_THROW(time.run(run_without_result(Forgiving())));
}

TEST(ContextManagerExit, RunsBehindABodyThatIsAPlainFunction) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_EQ(time.run(run(Fragile(trace, false, false), &give_at_once)), 1);
    EXPECT_EQ(trace, "well cleaned");
}

TEST(ContextManagerExit, IsOnlyCutByAGreaterReasonThanTheBodysEnd) {
    async::testing::simulation time;
    std::string trace;
    const auto running = time.start(run(Fragile(trace, false, false), &sleep_long));
    time.advance(1s);
    running.cancel(async::cancel_reason::caller_gone);
    time.advance(1s);
    EXPECT_FALSE(running.done());
    running.cancel(async::cancel_reason::stopping);
    time.run_ready();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_EQ(trace, "failed cut");
}

TEST(ContextManagerExit, OfABodyThatWasStoppedRunsToItsEnd) {
    async::testing::simulation time;
    std::string trace;
    const auto running = time.start(run(Fragile(trace, false, false), &sleep_long));
    time.advance(1s);
    running.cancel(async::cancel_reason::stopping);
    time.advance(10s);
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_EQ(trace, "failed cleaned");
}

TEST(ContextManagerExit, OfABodyThatWasTooLateRunsToItsEnd) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_THROW(time.run(async::with_deadline(1min, run(Fragile(trace, false, false), &sleep_long))),
                 async::deadline_exceeded);
    EXPECT_EQ(trace, "failed cleaned");
}

/// The same rules for the form of a coroutine.
async::context_manager<int> yield_twice_and_catch(int& caught) {
    co_yield 1;
    for (int turn = 0; turn < 3; ++turn) {
        try {
            co_yield 2;
        } catch (...) {
            ++caught;
        }
    }
}
async::context_manager<int> replace_the_failure() {
    try {
        co_yield 1;
    } catch (const std::runtime_error&) {
        throw std::out_of_range("exit");
    }
}
async::context_manager<int> swallow_anything() {
    try {
        co_yield 1;
    } catch (...) {
    }
}
async::context_manager<std::unique_ptr<int>> lend(std::shared_ptr<int> held) {
    auto lent = std::make_unique<int>(*held);
    co_yield std::move(lent);
}
async::task<int> borrow(std::unique_ptr<int>& lent) { co_return *lent; }

TEST(ContextManagerCoroutine, ThatYieldsTwiceIsAnErrorItCannotCatch) {
    async::testing::simulation time;
    int caught = 0;
    EXPECT_THROW(time.run(run(yield_twice_and_catch(caught), &give)), std::logic_error);
    EXPECT_EQ(caught, 0);
}

TEST(ContextManagerCoroutine, MayReplaceTheFailure) {
    async::testing::simulation time;
    EXPECT_THROW(time.run(run(replace_the_failure(), &fail)), std::out_of_range);
}

TEST(ContextManagerCoroutine, ThatSwallowsACancellationDoesntEndIt) {
    async::testing::simulation time;
    const auto running = time.start(run(swallow_anything(), &sleep_long));
    time.advance(1s);
    running.cancel(async::cancel_reason::stopping);
    time.run_ready();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
}

TEST(ContextManagerCoroutine, YieldsValuesThatOnlyMoveAndFreesItsParameters) {
    async::testing::simulation time;
    const auto held = std::make_shared<int>(3);
    EXPECT_EQ(time.run(run(lend(held), &borrow)), 3);
    EXPECT_EQ(held.use_count(), 1);
}

async::task<int> enter_alone(async::context_manager<std::unique_ptr<int>> manager) {
    const std::unique_ptr<int> lent = co_await manager.enter();
    co_return *lent;
}

TEST(ContextManagerCoroutine, DroppedBetweenEnterAndExitEndsWhereItYielded) {
    async::testing::simulation time;
    const auto held = std::make_shared<int>(3);
    EXPECT_EQ(time.run(enter_alone(lend(held))), 3);
    EXPECT_EQ(held.use_count(), 1);
}

async::task<int> nested(std::string& trace) {
    Fragile outer(trace, false, false);
    co_return co_await async::with(
        outer,
        [](int&, std::string& inner_trace) -> async::task<int> {
            Fragile inner(inner_trace, false, false);
            co_return co_await async::with(inner, &give);
        },
        std::ref(trace));
}

TEST(ContextManagerExit, RunsFromTheInsideOut) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_EQ(time.run(nested(trace)), 1);
    EXPECT_EQ(trace, "well cleanedwell cleaned");
}

}  // namespace context_manager_exit_test
