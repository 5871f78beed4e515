#include <async/bind.h>
#include <async/combine.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/limited_call.h>
#include <async/limiter.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace observed_run_test {

using namespace std::chrono_literals;

using judge = async::dispatch<"judge", std::optional<int>(const std::string& who, int amount), async::first_value, async::propagate>;
using tolerant_judge = async::dispatch<"judge", bool(const std::string& who), async::first_not<true>, async::skip>;

/// What somebody was told of a run.
struct Told {
    std::string what;
    std::string who;
    std::optional<int> answer;
    std::optional<async::clock::duration> took;
    bool fails_the_call = false;
};

class RunEar final : public async::dispatch_observer {
public:
    void on_error(const async::observed_run& run, async::error_level, const std::exception_ptr&) noexcept override {
        note("failed", run);
    }
    void on_slow(const async::callback_identity&, async::clock::duration) noexcept override {}
    void on_decision(const async::observed_run& run) noexcept override { note("decided", run); }
    void on_ruled_failure(const async::observed_run& run, async::failure_outcome, const std::exception_ptr&,
                          const std::exception_ptr&) noexcept override {
        note("ruled", run);
    }
    std::vector<Told> told;

private:
    void note(std::string what, const async::observed_run& run) {
        Told one;
        one.what = std::move(what);
        if (const auto* const who = run.argument<std::string>(0)) one.who = *who;
        if (const auto* const answer = run.answer.as<std::optional<int>>()) one.answer = *answer;
        if (const auto* const refused = run.answer.as<bool>()) one.answer = *refused ? 1 : 0;
        one.took = run.took;
        one.fails_the_call = run.fails_the_call;
        told.push_back(one);
    }
};

class Judge {
public:
    std::optional<int> at_once(const std::string&, int amount) { return amount; }
    async::task<std::optional<int>> later(const std::string&, int amount) {
        co_await async::sleep_for(3s);
        co_return amount;
    }
    async::task<std::optional<int>> fail_later(const std::string&, int) {
        co_await async::sleep_for(2s);
        throw std::runtime_error("no");
    }
    bool fail(const std::string&) { throw std::runtime_error("no"); }
};

async::task<std::optional<int>> ask(const judge& dispatcher, std::string who) { co_return co_await dispatcher(who, 7); }
async::task<bool> ask_tolerant(const tolerant_judge& dispatcher, std::string who) { co_return co_await dispatcher(who); }

class ObservedRun : public testing::Test {
protected:
    ObservedRun() { settings.observer = &ear; }
    async::testing::simulation time;
    RunEar ear;
    async::dispatch_settings settings;
    Judge module;
};

TEST_F(ObservedRun, OfADecisionHasWhatWasAskedAndAnswered) {
    judge dispatcher;
    dispatcher.add("first", async::bind<&Judge::at_once>(&module), &settings);
    EXPECT_EQ(time.run(ask(dispatcher, "alice")), 7);
    ASSERT_EQ(ear.told.size(), 1U);
    EXPECT_EQ(ear.told[0].what, "decided");
    EXPECT_EQ(ear.told[0].who, "alice");
    EXPECT_EQ(ear.told[0].answer, 7);
}

TEST_F(ObservedRun, SaysHowLongARunTookThatWaited) {
    judge dispatcher;
    dispatcher.add("slow", async::bind<&Judge::later>(&module), &settings);
    time.run(ask(dispatcher, "alice"));
    time.run(ask(dispatcher, "bob"));
    ASSERT_EQ(ear.told.size(), 2U);
    EXPECT_EQ(ear.told[1].who, "bob");
    EXPECT_EQ(ear.told[1].took, async::clock::duration(3s));
}

TEST_F(ObservedRun, SaysNoTimeOfARunThatAnsweredAtOnceAfterATimedOne) {
    judge dispatcher;
    dispatcher.add("quick", async::bind<&Judge::at_once>(&module), &settings);
    time.run(ask(dispatcher, "alice"));  // the first of 64 is timed
    time.run(ask(dispatcher, "bob"));
    ASSERT_EQ(ear.told.size(), 2U);
    EXPECT_TRUE(ear.told[0].took.has_value());
    EXPECT_FALSE(ear.told[1].took.has_value());
}

TEST_F(ObservedRun, OfAFailureSaysWhetherTheCallFailsForIt) {
    judge strict;
    strict.add("bad", async::bind<&Judge::fail_later>(&module), &settings);
    EXPECT_THROW(time.run(ask(strict, "alice")), std::runtime_error);
    tolerant_judge tolerant;
    tolerant.add("bad", async::bind<&Judge::fail>(&module), &settings);
    EXPECT_TRUE(time.run(ask_tolerant(tolerant, "bob")));
    ASSERT_EQ(ear.told.size(), 2U);
    EXPECT_EQ(ear.told[0].who, "alice");
    EXPECT_EQ(ear.told[0].took, async::clock::duration(2s));
    EXPECT_TRUE(ear.told[0].fails_the_call);
    EXPECT_EQ(ear.told[1].who, "bob");
    EXPECT_FALSE(ear.told[1].fails_the_call);
}

/// What somebody rules of tolerant_judge.
struct JudgePolicy {
    static std::uint32_t point_of(const std::string&) { return 0; }
    static bool is_answer(const std::exception_ptr&) { return false; }
    static bool denial() { return false; }
    static std::exception_ptr later(async::clock::duration) { return std::make_exception_ptr(std::runtime_error("later")); }
};

TEST_F(ObservedRun, OfARuledFailureHasWhatWasAskedAndSoHasTheDenialInItsPlace) {
    using slot = tolerant_judge::slot_type;
    for (const auto outcome : {async::failure_outcome::reject, async::failure_outcome::accept, async::failure_outcome::tempfail}) {
        ear.told.clear();
        async::call_limits limits;
        limits.on_failure = outcome;
        const auto by = std::make_shared<async::limiter>(limits, time.clock(), &settings);
        tolerant_judge dispatcher;
        const slot given = async::bind<&Judge::fail>(&module);
        dispatcher.add("bad", async::limited_call<slot, JudgePolicy>::around(given, by), &settings);
        if (outcome == async::failure_outcome::tempfail) {
            EXPECT_THROW(time.run(ask_tolerant(dispatcher, "alice")), std::runtime_error);
        } else {
            EXPECT_EQ(time.run(ask_tolerant(dispatcher, "alice")), outcome == async::failure_outcome::accept);
        }
        ASSERT_EQ(ear.told.size(), outcome == async::failure_outcome::reject ? 2U : 1U);
        EXPECT_EQ(ear.told[0].what, "ruled");
        EXPECT_EQ(ear.told[0].who, "alice");
        EXPECT_EQ(ear.told[0].fails_the_call, outcome == async::failure_outcome::tempfail);
        if (outcome != async::failure_outcome::reject) continue;
        EXPECT_EQ(ear.told[1].what, "decided");
        EXPECT_EQ(ear.told[1].who, "alice");
        EXPECT_EQ(ear.told[1].answer, 0);
    }
}

}  // namespace observed_run_test
