#include <async/dispatch.h>
#include <async/limited_call.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

/// Registered callables that somebody limits: what cuts them, what they wait for, and what becomes of their failures.
namespace limited_call_test {

using namespace std::chrono_literals;

/// Answers true to pass, false to deny.
using checked = async::dispatch<"checked", bool(const std::string&), async::first_not<true>, async::propagate>;
using told = async::dispatch<"told", void(const std::string&), async::run_all, async::log_and_go_on>;

struct Later : std::runtime_error {
    explicit Later(async::clock::duration when) : std::runtime_error("later"), remaining(when) {}
    async::clock::duration remaining;
};
struct Denied : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The text says at which point of the share a call is.
struct PolicyOfAll {
    static std::uint32_t point_of(const std::string& text) { return static_cast<std::uint32_t>(std::stoul(text)); }
    static bool is_answer(const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const Denied&) {
            return true;
        } catch (...) {
            return false;
        }
    }
    static std::exception_ptr later(async::clock::duration remaining) { return std::make_exception_ptr(Later(remaining)); }
};
struct Policy : PolicyOfAll {
    static bool denial() { return false; }
};
struct PolicyOfTold : PolicyOfAll {
    static void denial() { throw Denied("not this"); }
};

class LimitEar final : public async::dispatch_observer {
public:
    void on_error(const async::observed_run&, async::error_level, const std::exception_ptr&) noexcept override {
        heard += "error ";
    }
    void on_slow(const async::callback_identity&, async::clock::duration) noexcept override {}
    void on_decision(const async::observed_run&) noexcept override { heard += "decision "; }
    void on_ruled_failure(const async::observed_run&, async::failure_outcome outcome, const std::exception_ptr&,
                          const std::exception_ptr& leaves) noexcept override {
        heard += "ruled" + std::to_string(static_cast<int>(outcome)) + (leaves ? "! " : " ");
    }
    void on_breaker_opened(const async::observed_run& run, async::clock::duration) noexcept override {
        heard += run.callback.module + " opened ";
    }
    void on_breaker_closed(const async::observed_run& run) noexcept override {
        heard += run.callback.module + " closed ";
    }

    std::string heard;
};

/// What the limited module does. "0" is the text of every call that nothing else is said of.
struct Behaviour {
    async::clock::duration takes{};
    async::clock::duration blocks{};
    std::exception_ptr throws;
    int runs = 0;
    int in_flight = 0;
    int max_in_flight = 0;
    std::string began;
    std::string ended;
};

struct LimitedDispatch {
    LimitedDispatch() { settings.observer = &ear; }

    async::task<bool> check(const std::string& text) {
        ++module.runs;
        module.began += text;
        module.max_in_flight = std::max(module.max_in_flight, ++module.in_flight);
        const auto leave = [](int* count) { --*count; };
        const std::unique_ptr<int, decltype(leave)> left(&module.in_flight, leave);
        if (module.blocks.count() > 0) time.clock().move_to(time.clock().now() + module.blocks);
        if (module.takes.count() > 0) co_await async::sleep_for(module.takes);
        if (module.throws) std::rethrow_exception(module.throws);
        module.ended += text;
        co_return true;
    }
    bool check_at_once(const std::string&) {
        ++module.runs;
        if (module.blocks.count() > 0) time.clock().move_to(time.clock().now() + module.blocks);
        if (module.throws) std::rethrow_exception(module.throws);
        return true;
    }

    template <auto Method = &LimitedDispatch::check>
    void add(async::call_limits limits, int order = 0, const std::string& name = "it") {
        by = std::make_shared<async::limiter>(std::move(limits), time.clock(), &settings);
        const checked::slot_type given(async::bind<Method>(this));
        dispatcher.add(name, async::limited_call<checked::slot_type, Policy>::around(given, by), &settings,
                       by->stands_at(order));
    }
    static async::task<bool> ask(const checked& whom, std::string text) { co_return co_await whom(text); }
    async::testing::started<bool> start(const std::string& text = "0") { return time.start(ask(dispatcher, text)); }
    bool run(const std::string& text = "0") { return time.run(ask(dispatcher, text)); }
    [[nodiscard]] std::uint64_t errors() const {
        std::uint64_t counted = 0;
        dispatcher.each_registration([&](const async::callback_identity& identity) { counted += identity.statistics.errors; });
        return counted;
    }

    async::testing::simulation time;
    LimitEar ear;
    async::dispatch_settings settings;
    Behaviour module;
    std::shared_ptr<async::limiter> by;
    checked dispatcher;
};

async::call_limits limits_of(std::optional<async::clock::duration> deadline,
                             async::failure_outcome outcome = async::failure_outcome::contract) {
    async::call_limits limits;
    limits.deadline = deadline;
    limits.on_failure = outcome;
    return limits;
}

async::call_limits with_breaker(async::failure_outcome outcome = async::failure_outcome::contract) {
    async::call_limits limits = limits_of(std::nullopt, outcome);
    limits.breaker = std::make_shared<async::circuit_breaker>(async::breaker_limits{3, 60s, 30s});
    return limits;
}

async::call_limits with_places(std::size_t places, std::optional<async::clock::duration> deadline = std::nullopt) {
    async::call_limits limits = limits_of(deadline);
    limits.places = std::make_shared<async::call_places>(places);
    return limits;
}

TEST(LimitedCall, ARunThatWaitsIsCutExactlyAtItsDeadline) {
    LimitedDispatch test;
    test.module.takes = 1h;
    test.add(limits_of(300ms));
    const auto call = test.start();
    test.time.advance(299ms);
    EXPECT_FALSE(call.done());
    test.time.advance(1ms);
    EXPECT_THROW(static_cast<void>(call.result()), async::deadline_exceeded);
    EXPECT_EQ(test.errors(), 1U);
    EXPECT_EQ(test.ear.heard, "error ");
}

TEST(LimitedCall, ARunWithinItsDeadlineGivesItsAnswer) {
    LimitedDispatch test;
    test.module.takes = 299ms;
    test.add(limits_of(300ms, async::failure_outcome::reject));
    EXPECT_TRUE(test.run());
    EXPECT_EQ(test.errors(), 0U);
}

TEST(LimitedCall, ADeadlineOfItsOwnIsInThePlaceOfTheDispatchersAlsoALongerOneAndNone) {
    for (const async::clock::duration deadline : {async::clock::duration(10s), async::clock::duration(0)}) {
        LimitedDispatch test;
        test.settings.callback_deadline = 1s;
        test.module.takes = 5s;
        test.add(limits_of(deadline));
        EXPECT_TRUE(test.run());
    }
    LimitedDispatch test;
    test.settings.callback_deadline = 1s;
    test.module.takes = 5s;
    test.add(limits_of(std::nullopt));
    EXPECT_THROW(test.run(), async::deadline_exceeded);
}

TEST(LimitedCall, ARunThatBlocksItsThreadBeyondItsDeadlineIsAFailureWhenItEnds) {
    LimitedDispatch coroutine;
    coroutine.module.blocks = 400ms;
    coroutine.add(limits_of(300ms));
    EXPECT_THROW(coroutine.run(), async::deadline_exceeded);

    LimitedDispatch function;
    function.module.blocks = 400ms;
    function.add<&LimitedDispatch::check_at_once>(limits_of(300ms, async::failure_outcome::reject));
    EXPECT_FALSE(function.run());
    EXPECT_EQ(function.errors(), 1U);
}

TEST(LimitedCall, AFailureBecomesWhatIsRuled) {
    const auto outcome_of = [](async::failure_outcome outcome, auto add) {
        LimitedDispatch test;
        test.module.throws = std::make_exception_ptr(std::logic_error("broken"));
        add(test, limits_of(std::nullopt, outcome));
        std::string became;
        try {
            became = test.run() ? "passed" : "denied";
        } catch (const Later&) {
            became = "later";
        } catch (const std::logic_error& failure) {
            became = failure.what();
        }
        EXPECT_EQ(test.errors(), 1U);
        return became + ": " + test.ear.heard;
    };
    const auto coroutine = [](LimitedDispatch& test, async::call_limits limits) { test.add(std::move(limits)); };
    const auto function = [](LimitedDispatch& test, async::call_limits limits) {
        test.add<&LimitedDispatch::check_at_once>(std::move(limits));
    };
    EXPECT_EQ(outcome_of(async::failure_outcome::contract, coroutine), "broken: error ");
    EXPECT_EQ(outcome_of(async::failure_outcome::contract, function), "broken: error ");
    EXPECT_EQ(outcome_of(async::failure_outcome::accept, coroutine), "passed: ruled1 ");
    EXPECT_EQ(outcome_of(async::failure_outcome::accept, function), "passed: ruled1 ");
    EXPECT_EQ(outcome_of(async::failure_outcome::reject, coroutine), "denied: ruled2 decision ");
    EXPECT_EQ(outcome_of(async::failure_outcome::reject, function), "denied: ruled2 decision ");
    EXPECT_EQ(outcome_of(async::failure_outcome::tempfail, coroutine), "later: ruled3! ");
    EXPECT_EQ(outcome_of(async::failure_outcome::tempfail, function), "later: ruled3! ");
}

async::task<void> tell(const told& whom, std::string text) { co_await whom(text); }

TEST(LimitedCall, WhatTheErrorRuleWouldSwallowLeavesWhereItIsRuled) {
    async::testing::simulation time;
    for (const auto outcome : {async::failure_outcome::reject, async::failure_outcome::tempfail}) {
        told dispatcher;
        const auto by = std::make_shared<async::limiter>(limits_of(std::nullopt, outcome), time.clock(), nullptr);
        const told::slot_type given([](const std::string&) { throw std::logic_error("broken"); });
        dispatcher.add("it", async::limited_call<told::slot_type, PolicyOfTold>::around(given, by), nullptr);
        if (outcome == async::failure_outcome::reject) {
            EXPECT_THROW(time.run(tell(dispatcher, "0")), Denied);
        } else {
            EXPECT_THROW(time.run(tell(dispatcher, "0")), Later);
        }
    }
}

TEST(LimitedCall, AnAnswerInTheFormOfAnExceptionIsNoFailure) {
    LimitedDispatch test;
    test.module.throws = std::make_exception_ptr(Denied("no"));
    async::call_limits limits = with_breaker(async::failure_outcome::accept);
    test.add(limits);
    for (int call = 0; call < 5; ++call) EXPECT_THROW(test.run(), Denied);
    EXPECT_EQ(test.module.runs, 5) << "the breaker took answers for failures";
}

TEST(LimitedCall, StoppingIsNeverAFailureAndLeavesAsItIs) {
    LimitedDispatch test;
    test.module.takes = 1h;
    async::call_limits limits = limits_of(2h, async::failure_outcome::accept);
    limits.places = std::make_shared<async::call_places>(1);
    test.add(limits);
    const auto running = test.start();
    const auto waiting = test.start();
    test.time.run_ready();
    running.cancel(async::cancel_reason::stopping);
    waiting.cancel(async::cancel_reason::stopping);
    test.time.run_ready();
    EXPECT_THROW(static_cast<void>(running.result()), async::operation_cancelled);
    EXPECT_THROW(static_cast<void>(waiting.result()), async::operation_cancelled);
    EXPECT_EQ(test.errors(), 0U);
    EXPECT_EQ(limits.places->in_flight(), 0U);
}

TEST(LimitedCall, AClientThatGoesAwayDoesNotCutARun) {
    LimitedDispatch test;
    test.module.takes = 100ms;
    test.add(limits_of(300ms));
    const auto call = test.start();
    test.time.run_ready();
    call.cancel(async::cancel_reason::caller_gone);
    test.time.advance(100ms);
    EXPECT_EQ(test.module.ended, "0");
    EXPECT_THROW(static_cast<void>(call.result()), async::operation_cancelled);
}

TEST(LimitedCall, NoMoreThanItsPlacesAreInFlightAndTheOthersFollowInOrder) {
    LimitedDispatch test;
    test.module.takes = 100ms;
    test.add(with_places(2));
    std::vector<async::testing::started<bool>> calls;
    for (const char* const text : {"1", "2", "3", "4", "5"}) calls.push_back(test.start(text));
    test.time.advance(1s);
    for (const auto& call : calls) EXPECT_TRUE(call.result());
    EXPECT_EQ(test.module.max_in_flight, 2);
    EXPECT_EQ(test.module.began, "12345");
    EXPECT_EQ(test.by->limits().places->in_flight(), 0U);
}

TEST(LimitedCall, WhoWaitsForAPlaceDoesSoWithinItsDeadline) {
    LimitedDispatch test;
    test.module.takes = 250ms;
    test.add(with_places(1, 300ms));
    const auto first = test.start("1");
    const auto second = test.start("2");
    test.time.advance(299ms);
    EXPECT_TRUE(first.result());
    EXPECT_EQ(test.module.began, "12") << "the second has its place, and has waited for it";
    EXPECT_FALSE(second.done());
    test.time.advance(1ms);
    EXPECT_THROW(static_cast<void>(second.result()), async::deadline_exceeded);
    EXPECT_EQ(test.errors(), 1U);
    EXPECT_EQ(test.by->limits().places->in_flight(), 0U);
    EXPECT_TRUE(test.run("3"));
}

TEST(LimitedCall, WhoFindsNoFreePlaceInTimeHasFailedWithoutARun) {
    LimitedDispatch test;
    test.add(with_places(1, 300ms));
    test.by->limits().places->take();
    const auto call = test.start();
    test.time.advance(300ms);
    EXPECT_THROW(static_cast<void>(call.result()), async::no_free_place);
    EXPECT_EQ(test.module.runs, 0);
    EXPECT_EQ(test.errors(), 1U);
    test.by->limits().places->give_back();
    EXPECT_TRUE(test.run());
}

/// A module that asks its own dispatcher.
struct Nesting : LimitedDispatch {
    async::task<bool> ask_again(const std::string& text) {
        if (++depth == 4) co_return true;
        co_return co_await dispatcher(text);
    }
    int depth = 0;
};

TEST(LimitedCall, NestedCallsOfOneOperationTakeOnePlace) {
    Nesting test;
    const async::call_limits limits = with_places(1, 1s);
    test.by = std::make_shared<async::limiter>(limits, test.time.clock(), &test.settings);
    const checked::slot_type given(async::bind<&Nesting::ask_again>(&test));
    test.dispatcher.add("it", async::limited_call<checked::slot_type, Policy>::around(given, test.by), &test.settings);
    EXPECT_TRUE(test.run());
    EXPECT_EQ(test.depth, 4);
    EXPECT_EQ(limits.places->in_flight(), 0U);
}

TEST(LimitedCall, ABreakerOpensAfterItsFailuresAndSaysSoOnce) {
    LimitedDispatch test;
    test.module.throws = std::make_exception_ptr(std::logic_error("broken"));
    test.add(with_breaker());
    for (int call = 0; call < 3; ++call) EXPECT_THROW(test.run(), std::logic_error);
    EXPECT_EQ(test.module.runs, 3);
    EXPECT_EQ(test.ear.heard, "error error it opened error ") << "told once";
}

TEST(LimitedCall, AnOpenBreakerAsksNobodyUntilItsTimeIsOverAndOneRunDecides) {
    LimitedDispatch test;
    test.module.throws = std::make_exception_ptr(std::logic_error("broken"));
    test.add(with_breaker(async::failure_outcome::tempfail));
    const auto remaining = [&] {
        try {
            static_cast<void>(test.run());
        } catch (const Later& later) {
            return later.remaining;
        }
        return async::clock::duration(-1);
    };
    for (int call = 0; call < 3; ++call) EXPECT_EQ(remaining(), 0s);
    test.time.advance(10s);
    EXPECT_EQ(remaining(), 20s);
    EXPECT_EQ(test.module.runs, 3);
    test.time.advance(20s);
    EXPECT_EQ(remaining(), 0s) << "the probe failed";
    EXPECT_EQ(test.module.runs, 4);
    EXPECT_EQ(remaining(), 30s) << "and opened it again";

    test.time.advance(30s);
    test.module.throws = nullptr;
    test.module.takes = 1s;
    const auto probe = test.start();
    test.time.run_ready();
    EXPECT_EQ(test.module.runs, 5);
    EXPECT_EQ(remaining(), 0s) << "nobody knows while the probe runs";
    EXPECT_EQ(test.module.runs, 5) << "there is one probe";
    test.time.advance(1s);
    EXPECT_TRUE(probe.result());
    EXPECT_TRUE(test.run());
    EXPECT_NE(test.ear.heard.find("it closed"), std::string::npos);
}

TEST(LimitedCall, FailuresThatAreFartherApartDoNotOpenABreaker) {
    LimitedDispatch test;
    test.module.throws = std::make_exception_ptr(std::logic_error("broken"));
    test.add(with_breaker());
    for (int call = 0; call < 10; ++call) {
        EXPECT_THROW(test.run(), std::logic_error);
        test.time.advance(31s);
    }
    EXPECT_EQ(test.module.runs, 10);
}

TEST(LimitedCall, AProbeThatIsStoppedSaysNothingAndTheNextCallIsOne) {
    LimitedDispatch test;
    test.module.throws = std::make_exception_ptr(std::logic_error("broken"));
    test.add(with_breaker());
    for (int call = 0; call < 3; ++call) EXPECT_THROW(test.run(), std::logic_error);
    test.time.advance(30s);
    test.module.throws = nullptr;
    test.module.takes = 1s;
    const auto stopped = test.start();
    test.time.run_ready();
    stopped.cancel(async::cancel_reason::stopping);
    test.time.run_ready();
    EXPECT_TRUE(test.run());
    EXPECT_EQ(test.module.runs, 5);
}

TEST(LimitedCall, SeveralRegistrationsCanShareABreaker) {
    LimitedDispatch test;
    const async::call_limits shared = with_breaker(async::failure_outcome::accept);
    test.module.throws = std::make_exception_ptr(std::logic_error("broken"));
    test.add(shared, 0, "one");
    test.add(shared, 0, "two");
    EXPECT_TRUE(test.run());
    EXPECT_TRUE(test.run());
    EXPECT_EQ(test.module.runs, 3);
}

TEST(LimitedCall, WhatIsOffOrOutsideOfTheShareIsNotAsked) {
    LimitedDispatch test;
    async::call_limits limits = limits_of(std::nullopt);
    limits.share = 2500;
    test.add(limits);
    EXPECT_TRUE(test.run("2499"));
    EXPECT_EQ(test.module.runs, 1);
    EXPECT_TRUE(test.run("2500"));
    EXPECT_EQ(test.module.runs, 1);
    EXPECT_EQ(test.by->not_asked(), 1U);

    LimitedDispatch off;
    limits.share = async::call_limits::whole;
    limits.mode = async::call_mode::off;
    off.add(limits);
    EXPECT_TRUE(off.run());
    EXPECT_EQ(off.module.runs, 0);
}

TEST(LimitedCall, RegistrationsStandInTheirOrderAndThenInThatOfTheirComing) {
    LimitedDispatch test;
    std::string trace;
    const auto add = [&](const std::string& name, int order) {
        test.dispatcher.add(
            name, [&trace, name](const std::string&) { return trace += name, true; }, nullptr,
            async::registration{order, false});
    };
    add("b", 0);
    add("d", 5);
    add("c", 0);
    add("a", -1);
    EXPECT_TRUE(test.run());
    EXPECT_EQ(trace, "abcd");
    std::string listed;
    test.dispatcher.each_registration([&](const async::callback_identity& identity) { listed += identity.module; });
    EXPECT_EQ(listed, "abcd");
}

}  // namespace limited_call_test
