#include <async/context_manager.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>

namespace context_manager_test {

using namespace std::chrono_literals;

/// The form of an object.
class Recorder {
public:
    Recorder(std::string& trace, bool handles) : trace_(&trace), handles_(handles) {}
    async::task<int> enter() {
        co_await async::sleep_for(1s);
        *trace_ += "enter ";
        co_return 100;
    }
    async::task<bool> exit(std::exception_ptr failure) {
        co_await async::sleep_for(1s);
        *trace_ += failure ? "exit with failure" : "exit";
        co_return handles_;
    }

private:
    std::string* trace_;
    bool handles_;
};

/// The form of a coroutine that yields once.
async::context_manager<int> record(std::string& trace) {
    co_await async::sleep_for(1s);
    trace += "enter ";
    try {
        co_yield 100;
    } catch (const std::runtime_error& error) {
        trace += std::string("caught ") + error.what() + " ";
        throw;
    }
    co_await async::sleep_for(1s);
    trace += "exit";
}
async::context_manager<int> handle(std::string& trace) {
    try {
        co_yield 1;
    } catch (const std::runtime_error&) {
        trace += "handled";
    }
}
async::context_manager<int> never_yields() { co_return; }
async::context_manager<int> yields_twice() {
    co_yield 1;
    co_yield 2;
}
async::context_manager<int> fails_to_enter() {
    throw std::runtime_error("can't enter");
    co_yield 1;
}

async::task<std::string> succeed(int& value, std::string& trace) {
    co_await async::sleep_for(1s);
    trace += "body ";
    co_return std::to_string(value);
}
async::task<void> fail(int&) {
    co_await async::sleep_for(1s);
    throw std::runtime_error("boom");
}
async::task<void> sleep_long(int&) { co_await async::sleep_for(1h); }

async::task<std::string> run_object(std::string& trace) {
    async::context_manager<int> manager(Recorder(trace, false));
    const std::string result = co_await async::with(std::move(manager), &succeed, std::ref(trace));
    co_return result;
}
async::task<std::string> run_coroutine(std::string& trace) {
    const std::string result = co_await async::with(record(trace), &succeed, std::ref(trace));
    co_return result;
}

TEST(ContextManager, BothFormsRunTheBodyBetweenEnterAndExit) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_EQ(time.run(run_object(trace)), "100");
    EXPECT_EQ(trace, "enter body exit");
    trace.clear();
    EXPECT_EQ(time.run(run_coroutine(trace)), "100");
    EXPECT_EQ(trace, "enter body exit");
}

async::task<void> fail_in(async::context_manager<int> manager) { co_await async::with(std::move(manager), &fail); }

TEST(ContextManager, ExitSeesTheBodysExceptionAndItLeaves) {
    async::testing::simulation time;
    std::string trace;
    EXPECT_THROW(time.run(fail_in(async::context_manager<int>(Recorder(trace, false)))), std::runtime_error);
    EXPECT_EQ(trace, "enter exit with failure");
    trace.clear();
    EXPECT_THROW(time.run(fail_in(record(trace))), std::runtime_error);
    EXPECT_EQ(trace, "enter caught boom ");
}

TEST(ContextManager, ExitMayDealWithTheException) {
    async::testing::simulation time;
    std::string trace;
    time.run(fail_in(async::context_manager<int>(Recorder(trace, true))));
    time.run(fail_in(handle(trace)));
    EXPECT_EQ(trace, "enter exit with failurehandled");
}

TEST(ContextManager, ACoroutineThatDoesntYieldOnceIsAnError) {
    async::testing::simulation time;
    EXPECT_THROW(time.run(fail_in(never_yields())), std::logic_error);
    EXPECT_THROW(time.run(fail_in(yields_twice())), std::exception);
    EXPECT_THROW(time.run(fail_in(fails_to_enter())), std::runtime_error);
}

async::task<void> sleep_in(async::context_manager<int> manager) { co_await async::with(std::move(manager), &sleep_long); }

TEST(ContextManager, ACancelledBodyIsStillCleanedUp) {
    for (const async::cancel_reason reason : {async::cancel_reason::caller_gone, async::cancel_reason::stopping}) {
        async::testing::simulation time;
        std::string trace;
        const auto running = time.start(sleep_in(async::context_manager<int>(Recorder(trace, true))));
        time.advance(10s);
        running.cancel(reason);
        time.advance(10s);
        EXPECT_EQ(trace, "enter exit with failure");
        ASSERT_TRUE(running.done());
        EXPECT_THROW(running.result(), async::operation_cancelled) << "a cancellation can't be dealt with";
    }
}

TEST(ContextManager, DroppedUnusedItEndsQuietly) {
    std::string trace;
    { const async::context_manager<int> unused = record(trace); }
    EXPECT_EQ(trace, "");
}

}  // namespace context_manager_test
