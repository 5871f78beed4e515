#include <async/notification.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <unwind.h>

#include <atomic>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

/// What becomes of a failure on its way up, the first time and when it is known where nothing catches it.
namespace await_point_test {

std::atomic<int> exceptions_thrown{0};

}  // namespace await_point_test

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define COUNTS_EXCEPTIONS 1

extern "C" _Unwind_Reason_Code _Unwind_RaiseException(_Unwind_Exception* exception) {
    using function = _Unwind_Reason_Code (*)(_Unwind_Exception*);
    static const auto next = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "_Unwind_RaiseException"));
    ++await_point_test::exceptions_thrown;
    return next(exception);
}
#else
#define COUNTS_EXCEPTIONS 0
#endif

namespace await_point_test {

using namespace std::chrono_literals;

constexpr int rounds = 4;  // the first is thrown everywhere

/// Notes its end, and whether an exception was on its way then.
class Local {
public:
    Local(std::string& trace, std::string name) : trace_(trace), name_(std::move(name)) {}
    Local(const Local&) = delete;
    Local& operator=(const Local&) = delete;
    ~Local() { trace_ += name_ + (std::uncaught_exceptions() > 0 ? "! " : ". "); }

private:
    std::string& trace_;
    std::string name_;
};

async::task<void> wait_at_the_bottom(std::string& trace, std::string held_until_the_end) {
    const Local local(trace, "bottom");
    co_await async::sleep_for(1h);
    trace += held_until_the_end;
}
async::task<int> in_the_middle(std::string& trace) {
    const Local first(trace, "first");
    async::task<void> below = wait_at_the_bottom(trace, "woke ");
    const Local second(trace, "second");
    co_await std::move(below);
    co_return 1;
}
async::task<int> at_the_top(std::string& trace) {
    const Local local(trace, "top");
    const int below = co_await in_the_middle(trace);
    co_return below + 1;
}

/// Starts it, cancels it while it waits, and says what it did, several times over.
std::vector<std::string> traces_of(const std::function<async::task<int>(std::string&)>& make, async::cancel_reason reason) {
    std::vector<std::string> traces;
    for (int round = 0; round < rounds; ++round) {
        async::testing::simulation time;
        std::string trace;
        const auto running = time.start(make(trace));
        time.run_ready();
        running.cancel(reason);
        time.run_ready();
        trace += running.failed() ? "failed" : "ended";
        traces.push_back(trace);
    }
    return traces;
}
std::vector<std::string> always(const std::string& trace) { return std::vector<std::string>(rounds, trace); }

TEST(AwaitPoint, LocalsGoFromTheInsideOutAndSeeAnExceptionThrownOrNot) {
    EXPECT_EQ(traces_of(&at_the_top, async::cancel_reason::stopping), always("bottom! second! first! top! failed"));
    EXPECT_EQ(traces_of(&at_the_top, async::cancel_reason::deadline), always("bottom! second! first! top! failed"));
}

async::task<int> catch_it(std::string& trace) {
    try {
        co_return co_await in_the_middle(trace);
    } catch (const async::operation_cancelled&) {
        trace += "caught ";
    }
    co_return 0;
}
async::task<int> catch_everything(std::string& trace) {
    try {
        co_return co_await in_the_middle(trace);
    } catch (...) {
        trace += "caught ";
    }
    co_return 0;
}
async::task<int> pass_it_on(std::string& trace) {
    try {
        co_return co_await in_the_middle(trace);
    } catch (...) {
        trace += "seen ";
        throw;
    }
}
async::task<int> pass_on_what_it_names(std::string& trace) {
    try {
        co_return co_await in_the_middle(trace);
    } catch (const async::operation_cancelled&) {
        trace += "seen ";
        throw;
    }
}
async::task<int> throw_another(std::string& trace) {
    try {
        co_return co_await in_the_middle(trace);
    } catch (...) {
        throw std::runtime_error("another");
    }
}
async::task<int> catch_another_type(std::string& trace) {
    try {
        co_return co_await in_the_middle(trace);
    } catch (const std::exception&) {
        trace += "caught ";
    }
    co_return 0;
}
template <auto Inner>
async::task<int> around(std::string& trace) {
    const Local local(trace, "around");
    co_return co_await Inner(trace);
}

TEST(AwaitPoint, HandlersAreEnteredEveryTime) {
    constexpr auto stopping = async::cancel_reason::stopping;
    const std::string below = "bottom! second! first! ";
    EXPECT_EQ(traces_of(&around<&catch_it>, stopping), always(below + "caught around. ended"));
    EXPECT_EQ(traces_of(&around<&catch_everything>, stopping), always(below + "caught around. ended"));
    EXPECT_EQ(traces_of(&around<&pass_it_on>, stopping), always(below + "seen around! failed"));
    EXPECT_EQ(traces_of(&around<&pass_on_what_it_names>, stopping), always(below + "seen around! failed"));
    EXPECT_EQ(traces_of(&around<&throw_another>, stopping), always(below + "around! failed"));
}

TEST(AwaitPoint, AHandlerOfAnotherTypeIsEnteredForThatTypeOnly) {
    const std::string below = "bottom! second! first! ";
    EXPECT_EQ(traces_of(&around<&catch_another_type>, async::cancel_reason::stopping), always(below + "around! failed"));
    EXPECT_EQ(traces_of(&around<&catch_another_type>, async::cancel_reason::deadline), always(below + "caught around. ended"));
}

async::task<int> two_awaits(std::string& trace, bool in_the_second) {
    if (!in_the_second) co_return co_await in_the_middle(trace);
    try {
        co_return co_await in_the_middle(trace);
    } catch (const async::operation_cancelled&) {
        trace += "caught ";
    }
    co_return 0;
}

TEST(AwaitPoint, TwoAwaitsOfOneBodyAreToldApart) {
    const auto first = [](std::string& trace) { return two_awaits(trace, false); };
    const auto second = [](std::string& trace) { return two_awaits(trace, true); };
    EXPECT_EQ(traces_of(first, async::cancel_reason::stopping), always("bottom! second! first! failed"));
    EXPECT_EQ(traces_of(second, async::cancel_reason::stopping), always("bottom! second! first! caught ended"));
    EXPECT_EQ(traces_of(first, async::cancel_reason::stopping), always("bottom! second! first! failed"));
}

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
async::task<int> fail_below(int levels, std::string what) {
    if (levels > 0) co_return co_await fail_below(levels - 1, what) + 1;
    co_await async::reschedule();
    throw Error(what);
}

TEST(AwaitPoint, AnErrorArrivesAsWhatItWas) {
    for (int round = 0; round < rounds; ++round) {
        async::testing::simulation time;
        try {
            static_cast<void>(time.run(fail_below(10, std::to_string(round))));
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.what(), std::to_string(round));
        }
    }
}

async::task<int> catches_at_the_top(int levels) {
    try {
        co_return co_await fail_below(levels, "no");
    } catch (const Error&) {
        co_return -1;
    }
}

async::task<void> wait_below(int levels) {
    if (levels > 0) {
        co_await wait_below(levels - 1);
    } else {
        co_await async::sleep_for(1h);
    }
}
async::task<void> with_a_deadline() { co_await async::with_deadline(1s, wait_below(3)); }

#if COUNTS_EXCEPTIONS
/// How many exceptions are thrown from the time on that it is known who catches what.
template <class Run>
int thrown_by(Run&& run) {
    for (int round = 0; round < rounds; ++round) run();
    const int before = exceptions_thrown;
    run();
    return exceptions_thrown - before;
}

TEST(AwaitPoint, ACancelledTaskThatCatchesNothingEndsWithoutThrowing) {
    EXPECT_EQ(thrown_by([] {
                  async::testing::simulation time;
                  int errors = 0;
                  async::scope running(time.environment(), [&](std::string_view, std::exception_ptr) { ++errors; });
                  running.spawn("waits", wait_below(0));
                  running.spawn("waits deeper", wait_below(10));
                  time.run_ready();
                  running.cancel();
                  time.run(running.join());
                  EXPECT_EQ(errors, 0);
              }),
              0);
}

TEST(AwaitPoint, ADeadlineThatNobodyCatchesIsReportedWithoutThrowing) {
    EXPECT_EQ(thrown_by([] {
                  async::testing::simulation time;
                  int errors = 0;
                  async::scope running(time.environment(), [&](std::string_view, std::exception_ptr) { ++errors; });
                  running.spawn("late", with_a_deadline());
                  time.advance(2s);
                  EXPECT_EQ(errors, 1);
              }),
              0);
}

TEST(AwaitPoint, AnErrorIsThrownWhereItHappensAndWhereItIsCaughtAndNowhereElse) {
    EXPECT_EQ(thrown_by([] {
                  async::testing::simulation time;
                  EXPECT_EQ(time.run(catches_at_the_top(10)), -1);
              }),
              2);
}
#endif

struct Counted {
    explicit Counted(int& alive) : alive_(alive) { ++alive_; }
    Counted(const Counted& other) : alive_(other.alive_) { ++alive_; }
    ~Counted() { --alive_; }
    Counted& operator=(const Counted&) = delete;
    int& alive_;
};
async::task<void> hold(Counted held, int levels) {
    const Counted own(held);
    if (levels == 0) co_return co_await async::sleep_for(1h);
    co_await hold(held, levels - 1);
}

TEST(AwaitPoint, ParametersAndLocalsAreDestroyedOnce) {
    int alive = 0;
    for (int round = 0; round < rounds; ++round) {
        async::testing::simulation time;
        const auto running = time.start(hold(Counted(alive), 5));
        time.run_ready();
        EXPECT_GT(alive, 5);
        running.cancel(async::cancel_reason::caller_gone);
        time.run_ready();
        EXPECT_TRUE(running.failed());
        EXPECT_EQ(alive, 0);
    }
}

async::task<void> hold_and_wait(Counted held) {
    const Counted another(held);
    co_await async::sleep_for(1h);
}
async::task<void> count_in_a_handler(int& alive, int& seen) {
    async::task<void> waiting = hold_and_wait(Counted(alive));
    try {
        co_await std::move(waiting);
    } catch (const async::operation_cancelled&) {
        seen = alive;
    }
}

TEST(AwaitPoint, ArgumentsAreGoneInAHandlerTheFirstTimeToo) {
    int alive = 0;
    for (int round = 0; round < rounds; ++round) {
        async::testing::simulation time;
        int seen = -1;
        const auto running = time.start(count_in_a_handler(alive, seen));
        time.run_ready();
        running.cancel(async::cancel_reason::caller_gone);
        time.run_ready();
        EXPECT_EQ(seen, 0) << "in round " << round;
    }
}

async::task<void> cancel_in_the_end(async::cancellation_source& other) {
    struct Canceller {
        async::cancellation_source& source;
        ~Canceller() { source.request(async::cancel_reason::stopping); }
    };
    const Canceller at_the_end{other};
    co_await async::sleep_for(1h);
}
async::task<void> in_a_context_of_its_own(async::cancellation_source& source) {
    const async::context& outer = co_await async::this_context;
    async::context inner = outer;
    inner.end_with(source);
    async::task<void> waiting = wait_below(3);
    co_await std::move(waiting).in(inner);
}

TEST(AwaitPoint, ADestructorMayCancelSomebodyElse) {
    for (int round = 0; round < rounds; ++round) {
        async::testing::simulation time;
        async::cancellation_source source;
        const auto other = time.start(in_a_context_of_its_own(source));
        const auto running = time.start(cancel_in_the_end(source));
        time.run_ready();
        running.cancel(async::cancel_reason::stopping);
        time.run_ready();
        EXPECT_TRUE(running.failed());
        EXPECT_TRUE(other.failed());
    }
}

}  // namespace await_point_test
