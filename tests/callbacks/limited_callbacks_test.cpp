#include "every_callback.h"
#include "samples.h"

#include <callbacks/dispatchers.h>
#include <callbacks/ruling.h>

#include <async/call_limits.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// Every callback with limits around it, through its real dispatcher: what each kind of failure becomes by each `on_failure`.
namespace {

using namespace std::chrono_literals;
using Outcome = async::failure_outcome;

enum class Failure { exception, server_error, client_error, deadline, open_breaker, full_limit, blocked_thread };

constexpr std::array all_failures = {Failure::exception,    Failure::server_error, Failure::client_error,  Failure::deadline,
                                     Failure::open_breaker, Failure::full_limit,   Failure::blocked_thread};
constexpr std::array all_outcomes = {Outcome::contract, Outcome::accept, Outcome::reject, Outcome::tempfail};

/// Fails once, in one way.
class FailingModule final : public samples::Module {
public:
    FailingModule(async::testing::simulation& time, Failure how) noexcept : time_(time), how_(how) {}

    /// Decides where it comes to that, which mustn't count.
    async::task<std::optional<int>> decide() override {
        ++runs;
        if (how_ == Failure::exception) throw std::runtime_error("the module failed");
        if (how_ == Failure::server_error) throw callbacks::SynapseError(502, "bad gateway");
        if (how_ == Failure::client_error) throw callbacks::SynapseError(418, "teapot");
        if (how_ == Failure::deadline) co_await async::sleep_for(1h);
        if (how_ == Failure::blocked_thread) time_.clock().move_to(time_.clock().now() + 2s);
        co_return 0;
    }

    int runs = 0;

private:
    async::testing::simulation& time_;
    Failure how_;
};

/// What the operation gets: "passed", "denied", or what is thrown.
async::task<std::string> what_comes_of(samples::Callback& callback) {
    try {
        const samples::Combined combined = co_await callback.call();
        if (combined.is_neutral) co_return "passed";
        if (combined.is_denial) co_return "denied";
        co_return "decided";
    } catch (const callbacks::TryAgainLater& later) {
        EXPECT_EQ(later.status(), 503);
        EXPECT_EQ(later.errcode(), "M_UNKNOWN");
        EXPECT_STREQ(later.what(), "Try again later");
        EXPECT_EQ(later.headers().size(), 1U);
        co_return later.headers().front().first + " " + later.headers().front().second;
    } catch (const callbacks::SynapseError& error) {
        co_return std::to_string(error.status()) + " " + error.what();
    } catch (const std::exception& failure) {
        co_return failure.what();
    }
}

std::string message_of_kind(Failure how) {
    switch (how) {
        case Failure::exception:
            return "the module failed";
        case Failure::server_error:
            return "502 bad gateway";
        case Failure::client_error:
            return "418 teapot";
        case Failure::deadline:
        case Failure::blocked_thread:
            return "deadline exceeded";
        case Failure::open_breaker:
            return "the breaker is open: this callback failed too often";
        case Failure::full_limit:
            return "none of its 1 runs in flight ended in time";
    }
    return {};
}

using OnFailure = samples::Callback::OnFailure;

/// By a callback's declared error rule.
std::string by_contract(OnFailure rule, Failure how) {
    const bool is_synapse_error = how == Failure::server_error || how == Failure::client_error;
    switch (rule) {
        case OnFailure::walk_goes_on:
            return "passed";
        case OnFailure::becomes_500:
            return "500 Internal Server Error";
        case OnFailure::forbids_the_room:
            return is_synapse_error ? message_of_kind(how) : "403 Room creation forbidden with these parameters";
        case OnFailure::propagates:
        case OnFailure::is_a_module_failure:
            return message_of_kind(how);
    }
    return {};
}

std::string expected(OnFailure rule, Failure how, Outcome outcome) {
    const std::string contract = by_contract(rule, how);
    const bool lets_synapse_errors_pass = rule != OnFailure::walk_goes_on && rule != OnFailure::becomes_500;
    if (how == Failure::client_error && lets_synapse_errors_pass) return contract;
    switch (outcome) {
        case Outcome::contract:
            return contract;
        case Outcome::accept:
            return "passed";
        case Outcome::reject:
            return rule == OnFailure::forbids_the_room ? "403 Room creation forbidden with these parameters" : "denied";
        case Outcome::tempfail:
            return how == Failure::open_breaker ? "Retry-After 30" : "Retry-After 5";
    }
    return {};
}

/// One module's limits: those that bring about the failure, and what becomes of it.
class LimitsOfOne {
public:
    LimitsOfOne(async::testing::simulation& time, async::dispatch_settings& settings, Failure how, Outcome outcome) {
        async::call_limits limits;
        limits.deadline = 1s;
        limits.on_failure = outcome;
        if (how == Failure::open_breaker) {
            limits.breaker = std::make_shared<async::circuit_breaker>(async::breaker_limits{1, 60s, 30s});
            static_cast<void>(limits.breaker->failed(time.clock().now(), false));
        }
        if (how == Failure::full_limit) {
            limits.places = std::make_shared<async::call_places>(1);
            limits.places->take();
        }
        limits_ = std::make_shared<async::limiter>(limits, time.clock(), &settings);
    }
    [[nodiscard]] callbacks::RulesOf rules() const {
        return [limits = limits_](std::string_view) { return callbacks::CallbackRules{limits, 0}; };
    }

private:
    std::shared_ptr<async::limiter> limits_;
};

void judge(std::string_view callback, Failure how, Outcome outcome) {
    async::testing::simulation time;
    async::dispatch_settings settings;
    FailingModule module(time, how);
    const LimitsOfOne limits(time, settings, how, outcome);
    samples::Host host;
    samples::Callback& called = host.callback(callback);
    ASSERT_TRUE(host.register_category(called.category, "it", module, &settings, limits.rules()));
    EXPECT_EQ(time.run(what_comes_of(called)), expected(called.on_failure, how, outcome));
    called.each_registration([](const async::callback_identity& identity) { EXPECT_EQ(identity.statistics.errors, 1U); });
    const bool is_asked = how != Failure::open_breaker && how != Failure::full_limit;
    EXPECT_EQ(module.runs, is_asked ? 1 : 0);
}

TEST(LimitedCallbacks, EachKindOfFailureBecomesWhatIsSaidForEachCallbackThatCanHaveIt) {
    for (const std::string_view callback : samples::Host().names()) {
        const callbacks::CallbackDescription& row = *callbacks::description_of(callback);
        for (const Failure how : all_failures) {
            for (const Outcome outcome : all_outcomes) {
                if (outcome == Outcome::reject && !row.can_reject) continue;
                if (outcome == Outcome::tempfail && !row.can_be_put_off) continue;
                SCOPED_TRACE(std::string(callback) + ", failure " + std::to_string(static_cast<int>(how)) + ", on_failure " +
                             std::to_string(static_cast<int>(outcome)));
                judge(callback, how, outcome);
            }
        }
    }
}

TEST(LimitedCallbacks, WhatOnlyNotifiesCanNeitherDenyNorBePutOff) {
    for (const callbacks::CallbackDescription& row : callbacks::callback_descriptions()) {
        const bool notifies = row.name.starts_with("on_") && row.name != "on_create_room";
        EXPECT_FALSE(notifies && (row.can_reject || row.can_be_put_off)) << row.name;
        EXPECT_TRUE(row.can_be_put_off || !row.can_reject) << row.name << " denies what can't be put off";
    }
    EXPECT_TRUE(callbacks::description_of("is_user_expired")->can_reject);
    EXPECT_TRUE(callbacks::description_of("on_create_room")->can_reject);
    EXPECT_FALSE(callbacks::description_of("auth_checkers")->can_reject);
    EXPECT_TRUE(callbacks::description_of("auth_checkers")->can_be_put_off);
    EXPECT_EQ(callbacks::description_of("no_callback"), nullptr);
}

TEST(LimitedCallbacks, AShareIsByTheSamePointsForEver) {
    EXPECT_EQ(callbacks::share_point("@alice:test"), 3429U);
    EXPECT_EQ(callbacks::share_point("@bob:test"), 3913U);
    EXPECT_EQ(callbacks::share_point(""), 6691U);
    std::vector<int> tenths(10);
    for (int user = 0; user < 10'000; ++user)
        ++tenths.at(callbacks::share_point("@user" + std::to_string(user) + ":example.org") / 1000);
    for (const int of_tenth : tenths) EXPECT_NEAR(of_tenth, 1000, 100);
}

TEST(LimitedCallbacks, TheShareOfACallIsThatOfItsUserElseItsSenderItsRoomOrItsAddress) {
    using callbacks::share_point;
    const callbacks::StateMap state;
    callbacks::EventFields fields;
    fields.sender = "@sender:test";
    const callbacks::Event event(fields);
    const auto by = [](auto slot, const auto&... arguments) {
        return callbacks::what_may_be_ruled<decltype(slot)>::point_of(arguments...);
    };
    const callbacks::SpamChecker spam;
    const callbacks::ThirdPartyRules rules;
    const callbacks::PasswordAuthProvider passwords;
    const std::optional<std::string> nobody;
    const callbacks::RegistrationRequestInfo requests{{"agent", "127.0.0.1"}};
    EXPECT_EQ(by(spam.check_event_for_spam, event), share_point("@sender:test"));
    EXPECT_EQ(by(spam.user_may_invite, "@a:test", "@b:test", "!r:test"), share_point("@a:test"));
    EXPECT_EQ(by(spam.check_registration_for_spam, std::nullopt, "name", requests, nobody), share_point("name"));
    EXPECT_EQ(by(spam.check_registration_for_spam, std::nullopt, nobody, requests, nobody), share_point("127.0.0.1"));
    EXPECT_EQ(by(rules.check_visibility_can_be_modified, "!r:test", state, "public"), share_point("!r:test"));
    EXPECT_EQ(by(rules.check_can_shutdown_room, nobody, "!r:test"), share_point("!r:test"));
    EXPECT_EQ(by(rules.check_can_shutdown_room, "@a:test", "!r:test"), share_point("@a:test"));
    EXPECT_EQ(by(rules.check_threepid_can_be_invited, "email", "a@b.test", state), share_point("a@b.test"));
    EXPECT_EQ(by(passwords.check_3pid_auth, "email", "a@b.test", "secret"), share_point("a@b.test"));
    EXPECT_EQ(by(passwords.is_3pid_allowed, "email", "a@b.test", true), share_point("a@b.test"));
    EXPECT_FALSE(callbacks::description_of("check_media_file_for_spam")->can_be_shared);
    EXPECT_FALSE(callbacks::description_of("get_username_for_registration")->can_be_shared);
    EXPECT_FALSE(callbacks::description_of("get_users_for_states")->can_be_shared);
    EXPECT_FALSE(callbacks::description_of("on_update")->can_be_shared);
}

bool count_and_pass(int& asked) { return ++asked > 0; }

TEST(LimitedCallbacks, WhatIsOffIsNotAskedAlsoWhereNoAnswerSaysNothing) {
    async::testing::simulation time;
    int asked = 0;
    async::call_limits limits;
    limits.mode = async::call_mode::off;
    const auto off = std::make_shared<async::limiter>(limits, time.clock(), nullptr);
    const callbacks::RulesOf rules = [&](std::string_view) { return callbacks::CallbackRules{off, 0}; };
    callbacks::BackgroundUpdateController given;
    given.on_update = [](const std::string&, const std::string&, bool) {
        return samples::Answer<async::context_manager<int>>::pass();
    };
    given.min_batch_size = [&asked](const std::string&, const std::string&) { return count_and_pass(asked) ? 7 : 0; };
    callbacks::Dispatchers dispatchers;
    ASSERT_TRUE(callbacks::register_callbacks(dispatchers, "it", given, nullptr, rules));
    const auto& sizes = dispatchers.background_update_controller.min_batch_size;
    const std::string name = "a name";
    EXPECT_EQ(time.run(sizes(name, name)), std::nullopt);
    EXPECT_EQ(asked, 0);
}

TEST(LimitedCallbacks, AnOrderMovesACallbackAmongThoseOfAllModules) {
    std::string order;
    const auto add = [](callbacks::Dispatchers& into, const std::string& module, int at) {
        callbacks::ThirdPartyRules given;
        given.on_new_event = [](const callbacks::Event&, const callbacks::StateMap&) {};
        const callbacks::RulesOf rules = [at](std::string_view) { return callbacks::CallbackRules{nullptr, at}; };
        ASSERT_TRUE(callbacks::register_callbacks(into, module, given, nullptr, rules));
    };
    callbacks::Dispatchers dispatchers;
    add(dispatchers, "b", 0);
    add(dispatchers, "c", 1);
    add(dispatchers, "a", -1);
    dispatchers.third_party_rules.on_new_event.each_registration(
        [&](const async::callback_identity& identity) { order += identity.module; });
    EXPECT_EQ(order, "abc");
}

}  // namespace
