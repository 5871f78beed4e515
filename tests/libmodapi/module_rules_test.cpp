#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

/// What an entry of `modules:` says of its callbacks.
namespace {

using namespace std::chrono_literals;

/// Judges events as their text says, and is told of accounts.
class Judge {
public:
    Judge(const callbacks::JsonDict& config, modapi::ModuleApi& api)
        : name_(config.contains("name") ? std::string(config.at("name").as_string()) : "it") {
        callbacks::SpamChecker spam;
        spam.check_event_for_spam = async::bind<&Judge::check_event>(this);
        spam.check_media_file_for_spam = [](callbacks::ReadableFileWrapper&, const callbacks::FileInfo&) {
            return callbacks::MediaVerdict(callbacks::NOT_SPAM);
        };
        api.register_spam_checker_callbacks(spam);
        callbacks::AccountValidity accounts;
        accounts.on_user_registration = [](const std::string&) { throw std::runtime_error("not told"); };
        api.register_account_validity_callbacks(accounts);
    }

    async::task<callbacks::Verdict> check_event(const callbacks::Event& event) {
        asked += name_;
        if (event.type() == "hangs") co_await async::sleep_for(1h);
        if (event.type() == "throws") throw std::runtime_error("broken");
        if (event.type() == "waits") co_await async::sleep_for(100ms);
        co_return callbacks::NOT_SPAM;
    }

    static inline std::string asked;

private:
    std::string name_;
};

/// With nothing but web resources and the like.
struct Silent {
    Silent(const callbacks::JsonDict&, modapi::ModuleApi&) {}
};

class ModuleRulesTest : public testing::Test {
protected:
    ModuleRulesTest() {
        Judge::asked.clear();
        resolver.add<Judge>("my.Judge");
        resolver.add<Silent>("my.Silent");
    }

    /// One entry with these lines below `callbacks:`.
    static std::string entry(const std::string& rules, const std::string& module = "my.Judge") {
        return "modules:\n  - module: " + module + "\n    callbacks:\n" + rules;
    }
    void start(const std::string& yaml) { under_test.construct_from(yaml, resolver); }
    /// The line that a start with these rules ends with.
    std::string refusal(const std::string& rules, const std::string& module = "my.Judge") {
        WorkerUnderTest refusing;
        try {
            refusing.construct_from(entry(rules, module), resolver);
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "nothing was refused";
    }
    static callbacks::Event event_of(const std::string& type, const std::string& sender = "@alice:test") {
        callbacks::EventFields fields;
        fields.type = type;
        fields.sender = sender;
        return callbacks::Event(std::move(fields));
    }
    /// "passed", the errcode of a rejection, or what was thrown.
    static async::task<std::string> judged(modapi::ModuleHost& worker, callbacks::Event event) {
        try {
            const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.check_event_for_spam(event);
            co_return verdict.is_spam() ? std::string(verdict.errcode()) : "passed";
        } catch (const std::exception& failure) {
            co_return failure.what();
        }
    }
    std::string judge(const std::string& type, const std::string& sender = "@alice:test") {
        return under_test.wait(judged(under_test.worker, event_of(type, sender)));
    }
    [[nodiscard]] modapi::CallbackCounts counts(std::size_t module, const std::string& callback) const {
        return under_test.counts(module, callback);
    }

    LogCapture log;
    modapi::ModuleResolver resolver{{}};
    WorkerUnderTest under_test;
};

TEST_F(ModuleRulesTest, AHangingModuleIsCutAtItsDeadlineAndItsFailureIsWhatTheFileSays) {
    start(
        entry("      deadline: 2s\n"
              "      on_failure: tempfail\n"
              "      on_user_registration: {on_failure: accept}\n"
              "      check_event_for_spam: {deadline: 300ms, on_failure: reject}\n"));
    const auto before = under_test.time.clock().now();
    EXPECT_EQ(judge("hangs"), "M_FORBIDDEN");
    EXPECT_EQ(under_test.time.clock().now() - before, 300ms);
    EXPECT_EQ(judge("calm"), "passed");
    EXPECT_EQ(counts(0, "check_event_for_spam").failed, 1U);
    EXPECT_EQ(counts(0, "check_event_for_spam").cut, 1U);
    EXPECT_EQ(counts(0, "check_event_for_spam").waited.total_ns, 300'000'000U);
    EXPECT_TRUE(
        log.contains("module my.Judge: check_event_for_spam failed: deadline exceeded; denied instead "
                     "(on_failure: reject)"))
        << log.text();
    const std::string user = "@alice:test";
    under_test.wait(under_test.worker.hooks().account_validity.on_user_registration(user));
    EXPECT_EQ(counts(0, "on_user_registration").failed, 1U);
}

TEST_F(ModuleRulesTest, ABreakersOpeningAndClosingAreALineEachAndWhatItKeepsOutIsNone) {
    start(entry("      check_event_for_spam: {on_failure: tempfail, breaker: {failures: 2, within: 60s, open: 30s}}\n"));
    EXPECT_EQ(judge("throws"), "Try again later");
    EXPECT_EQ(judge("throws"), "Try again later");
    EXPECT_EQ(judge("calm"), "Try again later");
    EXPECT_EQ(Judge::asked, "itit") << "an open breaker lets nobody through";
    EXPECT_EQ(counts(0, "check_event_for_spam").breaker, async::breaker_state::open);
    EXPECT_GT(counts(0, "check_event_for_spam").kept_out, 0U);
    EXPECT_LT(counts(0, "check_event_for_spam").kept_out, counts(0, "check_event_for_spam").failed);
    EXPECT_EQ(counts(0, "check_media_file_for_spam").breaker, std::nullopt);
    EXPECT_TRUE(log.contains("module my.Judge: check_event_for_spam failed too often: its breaker is open for 30000 ms"))
        << log.text();
    under_test.advance(30s);
    EXPECT_EQ(judge("calm"), "passed");
    EXPECT_TRUE(log.contains("module my.Judge: check_event_for_spam is well again: its breaker is closed")) << log.text();
    EXPECT_EQ(counts(0, "check_event_for_spam").breaker, async::breaker_state::closed);
    EXPECT_EQ(counts(0, "check_event_for_spam").failed, 3U);
}

TEST_F(ModuleRulesTest, AnEntrysBreakerIsForAllOfItsCallbacksAndACallbacksOwnIsNot) {
    start(
        entry("      breaker: {failures: 1}\n"
              "      on_failure: accept\n"
              "      check_media_file_for_spam: {breaker: none}\n"));
    const std::string user = "@alice:test";
    under_test.wait(under_test.worker.hooks().account_validity.on_user_registration(user));
    EXPECT_EQ(judge("calm"), "passed");
    EXPECT_EQ(Judge::asked, "") << "the breaker that registrations opened is the whole entry's";
}

TEST_F(ModuleRulesTest, NoMoreRunsAreInFlightThanTheFileSays) {
    start(entry("      max_concurrent: 1\n"));
    const auto first = under_test.time.start(judged(under_test.worker, event_of("waits")));
    const auto second = under_test.time.start(judged(under_test.worker, event_of("waits")));
    under_test.advance(100ms);
    EXPECT_TRUE(first.done());
    EXPECT_FALSE(second.done());
    under_test.advance(100ms);
    EXPECT_TRUE(second.done());
}

TEST_F(ModuleRulesTest, WhatIsOffIsBuiltAndNotAskedHoweverTheWordIsWritten) {
    for (const char* const off : {"off", "\"off\"", "false"}) {
        WorkerUnderTest worker;
        worker.construct_from(entry(std::string("      mode: ") + off + "\n"), resolver);
        EXPECT_EQ(worker.wait(judged(worker.worker, event_of("throws"))), "passed") << off;
        const modapi::ModuleStatistics module = worker.worker.module_statistics().at(0);
        EXPECT_EQ(module.callbacks.size(), 3U) << "it is there";
        for (const modapi::CallbackCounts& counted : module.callbacks) EXPECT_EQ(counted.calls, 0U) << counted.callback;
    }
    EXPECT_EQ(Judge::asked, "");
}

TEST_F(ModuleRulesTest, AShareIsAskedOfTheSameUsersEveryTime) {
    start(entry("      check_event_for_spam: {share: 34.3%}\n"));
    // @alice:test is at 34.29 %, @bob:test at 39.13 %.
    for (int call = 0; call < 3; ++call) {
        EXPECT_EQ(judge("throws", "@alice:test"), "broken");
        EXPECT_EQ(judge("throws", "@bob:test"), "passed");
    }
    EXPECT_EQ(counts(0, "check_event_for_spam").calls, 3U);
}

TEST_F(ModuleRulesTest, AnOrderMovesAModulesCallbackAmongThoseOfTheList) {
    start(
        "modules:\n"
        "  - {module: my.Judge, config: {name: a}, callbacks: {order: 1}}\n"
        "  - {module: my.Judge, config: {name: b}}\n"
        "  - {module: my.Judge, config: {name: c}, callbacks: {check_event_for_spam: {order: -1}}}\n");
    EXPECT_EQ(judge("calm"), "passed");
    EXPECT_EQ(Judge::asked, "cba");
    EXPECT_EQ(counts(0, "check_event_for_spam").place, 2U);
    EXPECT_EQ(counts(1, "check_event_for_spam").place, 1U);
    EXPECT_EQ(counts(2, "check_event_for_spam").place, 0U);
    EXPECT_EQ(counts(2, "on_user_registration").place, 1U);
}

TEST_F(ModuleRulesTest, AProgramSaysTheSameInItsCode) {
    callbacks::JsonDict rules;
    rules["on_failure"] = "accept";
    const std::vector<modapi::ModuleEntry> entries = {{"my.Judge", {}, rules}};
    under_test.worker.construct_modules(modapi::configure_modules(entries, resolver));
    under_test.wait(under_test.worker.start_modules());
    EXPECT_EQ(judge("throws"), "passed");
}

TEST_F(ModuleRulesTest, NothingSaidIsNothingRuled) {
    start("modules:\n  - {module: my.Judge, callbacks: null}\n  - {module: my.Judge, callbacks: {}}\n");
    EXPECT_EQ(judge("throws"), "broken");
}

TEST_F(ModuleRulesTest, WhatIsWrongIsOneLineWithFileLineAndPath) {
    const std::string at = "hs.yaml:4: modules[0].callbacks.";
    const std::string whose = " (module my.Judge)";
    const std::string settings = "deadline, on_failure, max_concurrent, breaker, mode, share, order";
    struct Case {
        std::string rules;
        std::string line;
    };
    const std::vector<Case> cases = {
        {"deadlin: 2s", "deadlin: is no callback and no setting; settings are " + settings},
        {"check_event_for_spam: {shares: 1%}",
         "check_event_for_spam.shares: is no setting of a callback; settings are " + settings},
        {"check_event_for_spam: 5", "check_event_for_spam: must be a mapping, not a number"},
        {"deadline: 2 seconds",
         "deadline: must be a duration: milliseconds, or a number with a unit such as 30s, 5m, 6h, 7d, 2w or 1y"},
        {"deadline: 5sms",
         "deadline: must be a duration: milliseconds, or a number with a unit such as 30s, 5m, 6h, 7d, 2w or 1y"},
        {"deadline: -1",
         "deadline: must be a duration: milliseconds, or a number with a unit such as 30s, 5m, 6h, 7d, 2w or 1y"},
        {"deadline: 0", "deadline: must be longer than 0"},
        {"deadline: 2y", "deadline: must be at most 1y"},
        {"on_failure: ignore", "on_failure: must be one of contract, accept, reject, tempfail"},
        {"max_concurrent: 0", "max_concurrent: must be 1 to 1000000"},
        {"max_concurrent: -5", "max_concurrent: must be 1 to 1000000"},
        {"max_concurrent: many", "max_concurrent: must be an integer, not a string"},
        {"breaker: {open: 30s}", "breaker.failures: is required"},
        {"breaker: {failures: 0}", "breaker.failures: must be 1 to 1000000"},
        {"breaker: {failures: 1, after: 2s}", "breaker.after: is not a known key; known are failures, within, open"},
        {"breaker: {failures: 1, within: 0}", "breaker.within: must be longer than 0"},
        {"mode: on", "mode: must be enforce, shadow or off"},
        {"share: 101%", "share: must be a percentage from 0% to 100%, with at most two decimal places"},
        {"share: -1%", "share: must be a percentage from 0% to 100%, with at most two decimal places"},
        {"share: 50", "share: must be a percentage from 0% to 100%, with at most two decimal places"},
        {"order: first", "order: must be an integer, not a string"},
        {"user_may_invite: {order: 1}",
         "user_may_invite: isn't registered by the module, which registered check_event_for_spam, "
         "check_media_file_for_spam, on_user_registration"},
    };
    for (const Case& each : cases) EXPECT_EQ(refusal("      " + each.rules + "\n"), at + each.line + whose) << each.rules;
    EXPECT_EQ(refusal("      check_event_for_spam: {mode: off}\n", "my.Silent"),
              at + "check_event_for_spam: isn't registered by the module, which registered no callbacks (module my.Silent)");
}

TEST_F(ModuleRulesTest, WhatACallbackCannotHaveIsRefusedAndSaysWhichCan) {
    const auto says = [](const std::string& line, const std::string& begins, const std::string& names) {
        return line.starts_with("hs.yaml:4: modules[0].callbacks." + begins) && line.find(names) != std::string::npos;
    };
    std::string line = refusal("      on_user_registration: {on_failure: reject}\n");
    EXPECT_TRUE(says(line, "on_user_registration.on_failure: reject can't be had by on_user_registration; it is for ",
                     "is_user_expired, is_user_allowed_to_upload_media_of_size, is_3pid_allowed, check_event_for_spam"))
        << line;
    line = refusal("      on_user_registration: {on_failure: tempfail}\n");
    EXPECT_TRUE(says(line, "on_user_registration.on_failure: tempfail can't be had", "auth_checkers")) << line;
    line = refusal("      check_media_file_for_spam: {share: 50%}\n");
    EXPECT_TRUE(says(line, "check_media_file_for_spam.share: a share of check_media_file_for_spam is 0% or 100%",
                     "check_event_for_spam"))
        << line;
    line = refusal("      on_failure: reject\n");
    EXPECT_TRUE(says(line, "on_failure: reject can't be had by on_user_registration", "; give that callback its own")) << line;
    line = refusal("      share: 12.5%\n");
    EXPECT_TRUE(says(line, "share: a share of check_media_file_for_spam", "; give that callback its own")) << line;
    EXPECT_EQ(refusal("      share: 12.5%\n      check_media_file_for_spam: {share: 0%}\n"), "nothing was refused");
    line = refusal("      on_user_registration: {mode: shadow}\n");
    EXPECT_TRUE(says(line, "on_user_registration.mode: shadow can't be had by on_user_registration; it is for ",
                     "is_user_expired, add_field_to_unsigned, default_batch_size"))
        << line;
    line = refusal("      mode: shadow\n      deadline: 2s\n      on_user_registration: {deadline: 1s}\n");
    EXPECT_TRUE(says(line, "mode: shadow can't be had by on_user_registration; it is for ",
                     "; give each of those its own, enforce or off"))
        << line;
    for (const char* const explicitly : {"enforce", "off"}) {
        EXPECT_EQ(refusal(std::string("      mode: shadow\n      on_user_registration: {mode: ") + explicitly + "}\n"),
                  "nothing was refused");
    }
    EXPECT_EQ(refusal("      on_failure: reject\n      on_user_registration: {on_failure: contract}\n"), "nothing was refused");
}

}  // namespace
