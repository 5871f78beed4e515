#include <callbacks/dispatchers.h>

#include <async/bind.h>
#include <async/testing/virtual_time.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace {

using callbacks::AuthResult;
using callbacks::Dispatchers;
using callbacks::JsonDict;
using callbacks::RegistrationError;
using testing::HasSubstr;

std::optional<AuthResult> nobody(const std::string&, const std::string&, const JsonDict&) { return std::nullopt; }

callbacks::PasswordAuthProvider checker_of(std::string type, std::vector<std::string> fields) {
    return {.auth_checkers = {{{std::move(type), std::move(fields)}, &nobody}}};
}

async::context_manager<int> hundred(const std::string&, const std::string&, bool) { co_yield 100; }

int ten(const std::string&, const std::string&) { return 10; }

template <class Category>
std::string refusal_of(Dispatchers& dispatchers, std::string_view module, const Category& given) {
    try {
        static_cast<void>(register_callbacks(dispatchers, module, given, nullptr));
    } catch (const RegistrationError& error) {
        return error.what();
    }
    return "registered";
}
callbacks::EventDecision allow(const callbacks::Event&, const callbacks::StateMap&) { return true; }

TEST(Registration, SaysWhatPartsOfTheStateItsAnswersRestOn) {
    Dispatchers dispatchers;
    callbacks::StateFilter closed;
    closed.emplace_back("x.closed", "");
    callbacks::ThirdPartyRules one;
    one.check_event_allowed = {&allow, closed};
    callbacks::ThirdPartyRules another;
    another.check_event_allowed = &allow;
    EXPECT_EQ(refusal_of(dispatchers, "one", one), "registered");
    EXPECT_EQ(refusal_of(dispatchers, "another", another), "registered");
    std::vector<std::string> interests;
    dispatchers.third_party_rules.check_event_allowed.each_interest([&](const callbacks::StateFilter* rests_on) {
        interests.push_back(rests_on == nullptr ? "anything" : rests_on->front().type);
    });
    EXPECT_EQ(interests, (std::vector<std::string>{"x.closed", "anything"}));
}

TEST(Registration, OfOnePresenceRouterCallbackWithoutTheOtherIsRefused) {
    Dispatchers dispatchers;
    const auto users = [](const std::string&) { return callbacks::InterestedUsers(); };
    EXPECT_EQ(refusal_of(dispatchers, "lonely", callbacks::PresenceRouter{.get_interested_users = users}),
              "PresenceRouter modules must register neither or both of the paired callbacks: [get_users_for_states, "
              "get_interested_users]");
    EXPECT_TRUE(dispatchers.presence_router.get_interested_users.empty());
    EXPECT_EQ(refusal_of(dispatchers, "empty", callbacks::PresenceRouter{}), "registered");
}

TEST(Registration, OfAControllerWithoutOnUpdateIsRefused) {
    Dispatchers dispatchers;
    EXPECT_THAT(refusal_of(dispatchers, "m", callbacks::BackgroundUpdateController{.default_batch_size = &ten}),
                HasSubstr("without on_update"));
    EXPECT_TRUE(dispatchers.background_update_controller.default_batch_size.empty());
}

TEST(Registration, OfASecondControllerIsIgnoredAsAWhole) {
    Dispatchers dispatchers;
    EXPECT_TRUE(
        register_callbacks(dispatchers, "first", callbacks::BackgroundUpdateController{.on_update = &hundred}, nullptr));
    EXPECT_FALSE(register_callbacks(dispatchers, "second",
                                    callbacks::BackgroundUpdateController{.on_update = &hundred, .default_batch_size = &ten},
                                    nullptr));
    EXPECT_TRUE(dispatchers.background_update_controller.default_batch_size.empty());
}

TEST(Registration, OfOneLoginTypeWithOtherFieldsIsRefusedAndNamesBothModules) {
    Dispatchers dispatchers;
    EXPECT_EQ(refusal_of(dispatchers, "first.Module", checker_of("my.type", {"a", "b"})), "registered");
    const std::string refusal = refusal_of(dispatchers, "second.Module", checker_of("my.type", {"b", "a"}));
    EXPECT_THAT(refusal, HasSubstr("my.type with fields ('b', 'a')"));
    EXPECT_THAT(refusal, HasSubstr("first.Module registered that type with fields ('a', 'b')"));
    EXPECT_EQ(refusal_of(dispatchers, "third.Module", checker_of("my.type", {"a", "b"})), "registered");
    EXPECT_EQ(refusal_of(dispatchers, "fourth.Module", checker_of("my.other", {"a"})), "registered");
}

TEST(Registration, OfConflictingFieldsInOneModuleRegistersNeither) {
    Dispatchers dispatchers;
    const callbacks::PasswordAuthProvider given{
        .auth_checkers = {{{"my.type", {"a"}}, &nobody}, {{"my.type", {"b"}}, &nobody}}};
    EXPECT_THAT(refusal_of(dispatchers, "m", given), HasSubstr("my.type"));
    EXPECT_TRUE(dispatchers.password_auth_provider.auth_checkers.empty());
}

TEST(Registration, KeepsLoginTypesInOrderOfFirstRegistration) {
    Dispatchers dispatchers;
    register_callbacks(dispatchers, "a", checker_of("z.type", {}), nullptr);
    register_callbacks(dispatchers, "b", checker_of("a.type", {"x"}), nullptr);
    register_callbacks(dispatchers, "c", checker_of("z.type", {}), nullptr);
    std::vector<std::string> types;
    dispatchers.password_auth_provider.auth_checkers.each_key(
        [&](const callbacks::LoginType& type, const auto&) { types.push_back(type.type); });
    EXPECT_EQ(types, (std::vector<std::string>{"z.type", "a.type"}));
}

class Recorder {
public:
    explicit Recorder(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {}
    async::task<void> coroutine(const std::string& user) {
        log_.push_back(name_ + " " + user);
        co_return;
    }
    void plain(const std::string& user) { log_.push_back(name_ + " plain " + user); }

private:
    std::vector<std::string>& log_;
    std::string name_;
};

TEST(Registration, TakesFunctionsAndCoroutinesAndKeepsTheirOrder) {
    async::testing::simulation time;
    std::vector<std::string> log;
    Recorder first(log, "first");
    Recorder second(log, "second");
    Dispatchers dispatchers;
    register_callbacks(dispatchers, "first",
                       callbacks::AccountValidity{.on_user_registration = async::bind<&Recorder::coroutine>(&first)}, nullptr);
    register_callbacks(dispatchers, "second",
                       callbacks::AccountValidity{.on_user_registration = async::bind<&Recorder::plain>(&second)}, nullptr);
    const std::string user = "@alice:test";
    time.run(dispatchers.account_validity.on_user_registration(user));
    EXPECT_EQ(log, (std::vector<std::string>{"first @alice:test", "second plain @alice:test"}));
}

TEST(Registration, OfTheSameFunctionTwiceCountsTwice) {
    async::testing::simulation time;
    std::vector<std::string> log;
    Recorder recorder(log, "it");
    Dispatchers dispatchers;
    const callbacks::AccountValidity given{.on_user_registration = async::bind<&Recorder::coroutine>(&recorder)};
    register_callbacks(dispatchers, "it", given, nullptr);
    register_callbacks(dispatchers, "it", given, nullptr);
    const std::string user = "@a:t";
    time.run(dispatchers.account_validity.on_user_registration(user));
    EXPECT_EQ(log.size(), 2U);
}

TEST(Registration, OfNothingRegistersNothing) {
    Dispatchers dispatchers;
    register_callbacks(dispatchers, "m", callbacks::SpamChecker{}, nullptr);
    register_callbacks(dispatchers, "m", callbacks::Unsigned{}, nullptr);
    each_callback(dispatchers, [](const auto& callback, std::string_view) { EXPECT_TRUE(callback.empty()); });
}

TEST(Descriptions, ListEachCallbackOnceWithItsRules) {
    const auto& rows = callbacks::callback_descriptions();
    std::set<std::string_view> names;
    for (const auto& each : rows) EXPECT_TRUE(names.insert(each.name).second) << each.name;
    const auto row = std::find_if(rows.begin(), rows.end(), [](const auto& r) { return r.name == "check_event_allowed"; });
    ASSERT_NE(row, rows.end());
    EXPECT_EQ(row->category, "third-party rules");
    EXPECT_EQ(row->error_rule, "SynapseError propagates, else module failure");
}

TEST(Descriptions, SayOfWhichCallbacksADecisionIsRoutine) {
    std::vector<std::string_view> routine;
    for (const auto& row : callbacks::callback_descriptions()) {
        EXPECT_EQ(callbacks::is_routine(row.name), row.is_routine);
        if (row.is_routine) routine.push_back(row.name);
    }
    EXPECT_EQ(routine, (std::vector<std::string_view>{"is_user_expired", "on_update", "default_batch_size", "min_batch_size",
                                                     "get_media_config_for_user", "get_media_upload_limits_for_user",
                                                     "get_ratelimit_override_for_user"}));
    EXPECT_FALSE(callbacks::is_routine("no such callback"));
}

}  // namespace
