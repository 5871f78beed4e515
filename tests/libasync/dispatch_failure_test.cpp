#include <async/dispatch.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// What becomes of a dispatcher's call when a hook fails, or when the call is cancelled.
namespace dispatch_failure_test {

using namespace std::chrono_literals;

using signature = bool(const std::string&);
using strict = async::dispatch<"strict", signature, async::first_not<true>, async::propagate>;
using tolerant = async::dispatch<"tolerant", signature, async::first_not<true>, async::log_and_go_on>;
using skipping = async::dispatch<"skipping", signature, async::first_not<true>, async::skip>;

class Ear final : public async::dispatch_observer {
public:
    void on_error(const async::observed_run& run, async::error_level level,
                  const std::exception_ptr&) noexcept override {
        heard.push_back(run.callback.module);
        levels.push_back(level);
    }
    void on_slow(const async::callback_identity&, async::clock::duration) noexcept override {}
    void on_decision(const async::observed_run&) noexcept override {}
    std::vector<std::string> heard;
    std::vector<async::error_level> levels;
};

class Module {
public:
    bool pass(const std::string&) {
        trace += "pass ";
        return true;
    }
    bool throw_now(const std::string&) { throw std::runtime_error("now"); }
    async::task<bool> throw_in_coroutine(const std::string&) {
        throw std::runtime_error("in the coroutine");
        co_return true;
    }
    async::task<bool> throw_later(const std::string&) {
        co_await async::sleep_for(1s);
        throw std::runtime_error("later");
    }
    async::task<bool> sleep_long(const std::string& what) {
        trace += "begins ";
        try {
            co_await async::sleep_for(10s);
        } catch (const async::operation_cancelled&) {
            trace += "is cancelled ";
            throw;
        } catch (const async::deadline_exceeded&) {
            trace += "is late ";
            throw;
        }
        trace += "slept " + what + " ";
        co_return true;
    }
    async::task<bool> cancel_itself(const std::string&) {
        throw async::operation_cancelled(async::cancel_reason::stopping);
        co_return true;
    }
    std::string trace;
};

template <class Dispatcher>
async::task<bool> ask(const Dispatcher& dispatcher, std::string what) {
    co_return co_await dispatcher(what);
}

/// A dispatcher with one module whose hook fails in some way, and one behind it that passes.
template <class Dispatcher, auto Fails>
struct Failing {
    Failing() {
        settings.observer = &ear;
        dispatcher.add("bad", async::bind<Fails>(&module), &settings);
        dispatcher.add("good", async::bind<&Module::pass>(&module), &settings);
    }
    [[nodiscard]] std::uint64_t errors() const {
        std::uint64_t counted = 0;
        dispatcher.each_registration([&](const async::callback_identity& identity) { counted += identity.statistics.errors; });
        return counted;
    }
    async::testing::simulation time;
    Module module;
    Ear ear;
    async::dispatch_settings settings;
    Dispatcher dispatcher;
};

template <auto Fails>
void expect_propagation() {
    Failing<strict, Fails> test;
    EXPECT_THROW(test.time.run(ask(test.dispatcher, "x")), std::runtime_error);
    EXPECT_EQ(test.module.trace, "");
    EXPECT_EQ(test.ear.heard, std::vector<std::string>{"bad"});
    EXPECT_EQ(test.ear.levels, std::vector<async::error_level>{async::error_level::quiet});
    EXPECT_EQ(test.errors(), 1U);
}

TEST(DispatchFailure, PropagateLetsTheExceptionOutAndRunsNoLaterHook) {
    expect_propagation<&Module::throw_now>();
    expect_propagation<&Module::throw_in_coroutine>();
    expect_propagation<&Module::throw_later>();
}

template <class Dispatcher, auto Fails>
void expect_the_next_hook_to_run(async::error_level level) {
    Failing<Dispatcher, Fails> test;
    EXPECT_TRUE(test.time.run(ask(test.dispatcher, "x")));
    EXPECT_EQ(test.module.trace, "pass ");
    EXPECT_EQ(test.ear.heard, std::vector<std::string>{"bad"});
    EXPECT_EQ(test.ear.levels, std::vector<async::error_level>{level});
    EXPECT_EQ(test.errors(), 1U);
}

TEST(DispatchFailure, LogAndGoOnReportsAnErrorAndRunsTheNextHook) {
    expect_the_next_hook_to_run<tolerant, &Module::throw_now>(async::error_level::error);
    expect_the_next_hook_to_run<tolerant, &Module::throw_in_coroutine>(async::error_level::error);
    expect_the_next_hook_to_run<tolerant, &Module::throw_later>(async::error_level::error);
}

/// Puts an exception that says whose it is in the place of any other.
class Border final : public async::failure_border {
public:
    [[nodiscard]] std::exception_ptr outside(const async::callback_identity& callback, std::exception_ptr) noexcept override {
        return std::make_exception_ptr(std::logic_error(callback.module + " " + std::string(callback.callback)));
    }
};

TEST(DispatchFailure, WhatLeavesADispatcherIsWhatTheBorderMakesOfIt) {
    Border border;
    Failing<strict, &Module::throw_later> test;
    test.settings.border = &border;
    try {
        test.time.run(ask(test.dispatcher, "x"));
        ADD_FAILURE();
    } catch (const std::logic_error& error) {
        EXPECT_STREQ(error.what(), "bad strict");
    }
    EXPECT_EQ(test.ear.heard, std::vector<std::string>{"bad"});
}

TEST(DispatchFailure, SkipReportsAWarningAndCountsAsNoAnswer) {
    expect_the_next_hook_to_run<skipping, &Module::throw_now>(async::error_level::warning);
    expect_the_next_hook_to_run<skipping, &Module::throw_later>(async::error_level::warning);
}

TEST(DispatchFailure, AModuleThatCancelsItselfHasFailedLikeAnyOther) {
    expect_the_next_hook_to_run<tolerant, &Module::cancel_itself>(async::error_level::error);
    Failing<strict, &Module::cancel_itself> test;
    EXPECT_THROW(test.time.run(ask(test.dispatcher, "x")), async::operation_cancelled);
}

TEST(DispatchCancellation, ACallerThatIsGoneWaitsForTheRunningHookAndStopsBehindIt) {
    Failing<tolerant, &Module::sleep_long> test;
    const auto running = test.time.start(ask(test.dispatcher, "x"));
    test.time.advance(1s);
    running.cancel(async::cancel_reason::caller_gone);
    test.time.run_ready();
    EXPECT_FALSE(running.done());
    test.time.advance(9s);
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_EQ(test.module.trace, "begins slept x ");
    EXPECT_TRUE(test.ear.heard.empty());
}

TEST(DispatchCancellation, ACallerThatIsGoneIsNotHiddenByAHookThatFails) {
    Failing<tolerant, &Module::throw_later> test;
    const auto running = test.time.start(ask(test.dispatcher, "x"));
    test.time.run_ready();
    running.cancel(async::cancel_reason::caller_gone);
    test.time.advance(1s);
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_EQ(test.ear.heard, std::vector<std::string>{"bad"});
}

TEST(DispatchCancellation, AStopCutsTheRunningHookAndIsNoErrorOfIt) {
    Failing<tolerant, &Module::sleep_long> test;
    const auto running = test.time.start(ask(test.dispatcher, "x"));
    test.time.advance(1s);
    running.cancel(async::cancel_reason::stopping);
    test.time.run_ready();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_EQ(test.module.trace, "begins is cancelled ");
    EXPECT_TRUE(test.ear.heard.empty());
    EXPECT_EQ(test.errors(), 0U);
}

TEST(DispatchCancellation, AStopBeforeTheFirstHookRunsNone) {
    Failing<tolerant, &Module::sleep_long> test;
    const auto running = test.time.start(ask(test.dispatcher, "x"));
    running.cancel(async::cancel_reason::stopping);
    test.time.run_ready();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_EQ(test.module.trace, "");
}

TEST(DispatchDeadline, OfTheCallerIsAnExceptionOfTheRunningHook) {
    Failing<tolerant, &Module::sleep_long> test;
    EXPECT_TRUE(test.time.run(async::with_deadline(2s, ask(test.dispatcher, "x"))));
    EXPECT_EQ(test.module.trace, "begins is late pass ");
    EXPECT_EQ(test.ear.heard, std::vector<std::string>{"bad"});

    Failing<strict, &Module::sleep_long> strictly;
    EXPECT_THROW(strictly.time.run(async::with_deadline(2s, ask(strictly.dispatcher, "x"))), async::deadline_exceeded);
}

TEST(DispatchDeadline, OfTheSettingsCutsEachHookThatTakesLonger) {
    Failing<skipping, &Module::sleep_long> test;
    test.settings.callback_deadline = 3s;
    const auto began = test.time.clock().now();
    EXPECT_TRUE(test.time.run(ask(test.dispatcher, "x")));
    EXPECT_EQ(test.time.clock().now() - began, 3s);
    EXPECT_EQ(test.module.trace, "begins is late pass ");
    test.settings.callback_deadline = 11s;
    EXPECT_TRUE(test.time.run(ask(test.dispatcher, "y")));
    EXPECT_EQ(test.module.trace, "begins is late pass begins slept y pass ");
}

TEST(DispatchDeadline, OfTheSettingsStillLetsAStopThrough) {
    Failing<skipping, &Module::sleep_long> test;
    test.settings.callback_deadline = 5s;
    const auto running = test.time.start(ask(test.dispatcher, "x"));
    test.time.advance(1s);
    running.cancel(async::cancel_reason::caller_gone);
    test.time.run_ready();
    EXPECT_FALSE(running.done());
    running.cancel(async::cancel_reason::stopping);
    test.time.run_ready();
    ASSERT_TRUE(running.done());
    EXPECT_THROW(running.result(), async::operation_cancelled);
    EXPECT_TRUE(test.ear.heard.empty());
}

}  // namespace dispatch_failure_test
