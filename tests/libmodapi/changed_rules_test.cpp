#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/hosting/rule_change.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <async/co_spawn.h>
#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// What an operator changes of an entry's callbacks while they are asked.
namespace {

using namespace std::chrono_literals;
using async::call_mode;
using modapi::RuleChange;

constexpr std::uint32_t percent_of_calls = async::call_limits::whole / 100;
const callbacks::LoginType by_token{"org.example.token", {"token"}};

/// Refuses everything, lets everybody log in, marks every event, and hears of rooms.
class RefusingAll {
public:
    RefusingAll(const callbacks::JsonDict&, modapi::ModuleApi& api) {
        callbacks::SpamChecker spam;
        spam.check_event_for_spam = async::bind<&RefusingAll::check_event>(this);
        api.register_spam_checker_callbacks(spam);
        callbacks::PasswordAuthProvider authentication;
        authentication.auth_checkers = {{by_token, async::bind<&RefusingAll::check_token>(this)}};
        api.register_password_auth_provider_callbacks(authentication);
        callbacks::Unsigned fields;
        fields.add_field_to_unsigned_callback = [](const callbacks::Event&, callbacks::UnsignedWriter& out) {
            out.add("marked", true);
        };
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(fields);
        callbacks::AccountValidity accounts;
        accounts.on_user_registration = [](const std::string&) { ++registered; };
        api.register_account_validity_callbacks(accounts);
    }
    async::task<callbacks::Verdict> check_event(const callbacks::Event& event) {
        if (event.type() == "slow") co_await async::sleep_for(1s);
        co_return callbacks::Codes::FORBIDDEN;
    }
    async::task<std::optional<callbacks::AuthResult>> check_token(const std::string& user, const std::string&,
                                                                  const callbacks::JsonDict&) {
        co_return callbacks::AuthResult(user, callbacks::ResponseCallback());
    }
    static inline int registered = 0;
};

/// With what can be shadowed and shared only.
class RefusingEvents {
public:
    RefusingEvents(const callbacks::JsonDict&, modapi::ModuleApi& api) {
        callbacks::SpamChecker spam;
        spam.check_event_for_spam = [](const callbacks::Event&) { return callbacks::Verdict(callbacks::Codes::FORBIDDEN); };
        api.register_spam_checker_callbacks(spam);
    }
};

class ChangedRulesTest : public testing::Test {
protected:
    ChangedRulesTest() {
        RefusingAll::registered = 0;
        resolver.add<RefusingAll>("my.RefusingAll");
        resolver.add<RefusingEvents>("my.RefusingEvents");
    }

    void start(const std::string& yaml) { under_test.construct_from(yaml, resolver); }
    void change(std::size_t position, std::optional<call_mode> mode, std::optional<std::uint32_t> share = std::nullopt) {
        under_test.worker.change_rules(position, under_test.worker.module_at(position), RuleChange{mode, share});
    }
    [[nodiscard]] std::string refusal(std::size_t position, std::optional<call_mode> mode,
                                      std::optional<std::uint32_t> share = std::nullopt) const {
        return under_test.worker.refusal_of(position, RuleChange{mode, share});
    }

    static callbacks::Event event_of(const std::string& type, const std::string& sender) {
        callbacks::EventFields fields;
        fields.type = type;
        fields.sender = sender;
        return callbacks::Event(std::move(fields));
    }
    static async::task<bool> refused(modapi::ModuleHost& worker, callbacks::Event event) {
        const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.check_event_for_spam(event);
        co_return verdict.is_spam();
    }
    bool refuses(const std::string& sender = "@alice:test") {
        return under_test.wait(refused(under_test.worker, event_of("calm", sender)));
    }
    static async::task<bool> logged_in(modapi::ModuleHost& worker) {
        const std::string user = "@alice:test";
        const callbacks::JsonDict given;
        const auto is_by_token = [](const callbacks::LoginType& each) { return each.type == by_token.type; };
        const auto* const checkers = worker.hooks().password_auth_provider.auth_checkers.find_if(is_by_token);
        const std::optional<callbacks::AuthResult> accepted = co_await (*checkers)(user, by_token.type, given);
        co_return accepted.has_value();
    }
    bool logs_in() { return under_test.wait(logged_in(under_test.worker)); }
    bool marks() {
        const callbacks::Event event = event_of("calm", "@alice:test");
        return !under_test.wait(under_test.worker.hooks().unsigned_section.add_field_to_unsigned_callback(event)).empty();
    }
    int told_of_registrations() {
        const std::string user = "@alice:test";
        under_test.wait(under_test.worker.hooks().account_validity.on_user_registration(user));
        return RefusingAll::registered;
    }
    [[nodiscard]] modapi::CallbackCounts counts(std::size_t module, const std::string& callback) const {
        return under_test.counts(module, callback);
    }

    LogCapture log;
    modapi::ModuleResolver resolver{{}};
    WorkerUnderTest under_test;
};

TEST_F(ChangedRulesTest, AModuleWithoutRulesIsSwitchedOffAndOnAgainWhateverItRegistered) {
    start("modules:\n  - {module: my.RefusingAll}\n");
    EXPECT_TRUE(refuses() && logs_in() && marks());
    EXPECT_EQ(told_of_registrations(), 1);
    change(0, call_mode::off);
    EXPECT_FALSE(refuses() || logs_in() || marks());
    EXPECT_EQ(told_of_registrations(), 1);
    EXPECT_EQ(counts(0, "check_event_for_spam").calls, 1U);
    EXPECT_EQ(counts(0, "check_event_for_spam").mode, call_mode::off);
    EXPECT_EQ(counts(0, "auth_checkers").mode, call_mode::off);
    change(0, call_mode::enforce);
    EXPECT_TRUE(refuses() && logs_in() && marks());
    EXPECT_EQ(told_of_registrations(), 2);
    EXPECT_EQ(counts(0, "check_event_for_spam").calls, 2U);
}

TEST_F(ChangedRulesTest, OnlyTheEntryThatIsMeantChanges) {
    start("modules:\n  - {module: my.RefusingEvents}\n  - {module: my.RefusingAll}\n  - {module: my.RefusingEvents}\n");
    EXPECT_EQ(under_test.worker.positions_of("my.RefusingEvents"), (std::vector<std::size_t>{0, 2}));
    EXPECT_TRUE(under_test.worker.positions_of("my.Other").empty());
    EXPECT_EQ(under_test.worker.module_at(3), "");
    change(1, call_mode::off);
    change(2, call_mode::off);
    EXPECT_TRUE(refuses());
    EXPECT_EQ(counts(0, "check_event_for_spam").calls, 1U);
    EXPECT_EQ(counts(0, "check_event_for_spam").mode, call_mode::enforce);
    EXPECT_EQ(counts(2, "check_event_for_spam").mode, call_mode::off);
    under_test.worker.change_rules(0, "my.RefusingAll", RuleChange{call_mode::off, {}});
    EXPECT_TRUE(refuses()) << "another module stands there now";
}

TEST_F(ChangedRulesTest, ARunThatHasBegunEndsAsItBegan) {
    start("modules:\n  - {module: my.RefusingAll}\n");
    bool was_refused = false;
    async::co_spawn(under_test.time.environment(), refused(under_test.worker, event_of("slow", "@alice:test")),
                    [&](const std::exception_ptr&, bool value) { was_refused = value; });
    under_test.run_ready();
    change(0, call_mode::off);
    EXPECT_FALSE(refuses());
    under_test.advance(1s);
    EXPECT_TRUE(was_refused);
}

TEST_F(ChangedRulesTest, AModuleIsAskedInShadowModeFromTheNextCallOn) {
    start("modules:\n  - {module: my.RefusingEvents}\n");
    EXPECT_TRUE(refuses());
    change(0, call_mode::shadow);
    EXPECT_FALSE(refuses());
    under_test.run_ready();
    EXPECT_EQ(counts(0, "check_event_for_spam").shadow.differed, 1U);
    EXPECT_EQ(counts(0, "check_event_for_spam").calls, 1U);
    change(0, call_mode::enforce);
    EXPECT_TRUE(refuses());
}

TEST_F(ChangedRulesTest, AShareAsksTheSameUsersAsInTheFile) {
    start("modules:\n  - {module: my.RefusingEvents}\n");
    // @alice:test is at 34.29 %, @bob:test at 39.13 %.
    change(0, std::nullopt, 35 * percent_of_calls);
    EXPECT_TRUE(refuses("@alice:test"));
    EXPECT_FALSE(refuses("@bob:test"));
    EXPECT_EQ(counts(0, "check_event_for_spam").share, 35 * percent_of_calls);
    EXPECT_EQ(counts(0, "check_event_for_spam").mode, call_mode::enforce) << "what isn't said stays";
    change(0, call_mode::off);
    EXPECT_FALSE(refuses("@alice:test"));
    change(0, call_mode::enforce);
    EXPECT_FALSE(refuses("@bob:test")) << "what isn't said stays";
}

TEST_F(ChangedRulesTest, WhatTheFileSaysComesBackWithIt) {
    start(
        "modules:\n"
        "  - {module: my.RefusingEvents}\n"
        "  - {module: my.RefusingEvents, callbacks: {mode: shadow, share: 50%}}\n"
        "  - {module: my.RefusingAll}\n");
    change(0, call_mode::off, 10 * percent_of_calls);
    change(1, call_mode::enforce, async::call_limits::whole);
    under_test.worker.restore_rules();
    EXPECT_EQ(counts(0, "check_event_for_spam").mode, call_mode::enforce);
    EXPECT_EQ(counts(0, "check_event_for_spam").share, async::call_limits::whole);
    EXPECT_EQ(counts(1, "check_event_for_spam").mode, call_mode::shadow);
    EXPECT_EQ(counts(1, "check_event_for_spam").share, 50 * percent_of_calls);
    EXPECT_TRUE(refuses("@bob:test"));
}

TEST_F(ChangedRulesTest, WhatSomeCallbacksCannotHaveIsRefusedWithTheirNames) {
    start(
        "modules:\n"
        "  - {module: my.RefusingAll}\n"
        "  - {module: my.RefusingEvents}\n"
        "  - {module: my.RefusingAll, callbacks: {on_user_registration: {mode: enforce}}}\n");
    EXPECT_TRUE(refusal(0, call_mode::shadow).starts_with("mode: shadow can't be had by on_user_registration; it is for "));
    EXPECT_EQ(refusal(1, call_mode::shadow), "");
    EXPECT_EQ(refusal(0, call_mode::off), "");
    change(2, call_mode::off);
    EXPECT_EQ(counts(2, "on_user_registration").mode, call_mode::off);
    EXPECT_EQ(refusal(2, call_mode::shadow), "") << "its own in the file stands";
    change(2, call_mode::shadow);
    EXPECT_EQ(counts(2, "on_user_registration").mode, call_mode::enforce);
    EXPECT_EQ(counts(2, "check_event_for_spam").mode, call_mode::shadow);
    EXPECT_EQ(refusal(1, std::nullopt, percent_of_calls), "");
    EXPECT_EQ(refusal(0, std::nullopt, 0), "");
}

TEST_F(ChangedRulesTest, AreReadInTheWordsOfTheFile) {
    const auto read = [](const std::string& json) {
        try {
            return RuleChange::read(boost::json::parse(json).as_object()).text();
        } catch (const callbacks::ConfigError& error) {
            std::string place;
            for (const std::string& key : error.path()) place += key + ": ";
            return place + error.what();
        }
    };
    EXPECT_EQ(read(R"({"mode": "shadow", "share": "12.5%"})"), "mode shadow, share 12.5%");
    EXPECT_EQ(read(R"({"mode": "enforce"})"), "mode enforce");
    EXPECT_EQ(read(R"({"mode": "off"})"), "mode off");
    EXPECT_EQ(read(R"({"share": 50})"), "share 50%");
    EXPECT_EQ(read(R"({"share": "0%"})"), "share 0%");
    EXPECT_EQ(read(R"({"share": "0.05%"})"), "share 0.05%");
    EXPECT_EQ(read(R"({"share": 100})"), "share 100%");
    EXPECT_EQ(read("{}"), "has neither a mode nor a share");
    EXPECT_EQ(read(R"({"mode": "on"})"), "mode: must be enforce, shadow or off");
    EXPECT_EQ(read(R"({"mode": 5})"), "mode: must be enforce, shadow or off");
    const std::string no_share = "share: must be a percentage from 0% to 100%, with at most two decimal places";
    for (const char* const wrong : {"101", "-1", "\"101%\"", "\"half\"", "\"50\"", "true", "1e9", "[50]"})
        EXPECT_EQ(read(std::string("{\"share\": ") + wrong + "}"), no_share) << wrong;
    EXPECT_EQ(read(R"({"mode": "off", "deadline": "2s"})"), "deadline: is not a known key; known are mode, share");
}

}  // namespace
