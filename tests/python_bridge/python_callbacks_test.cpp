#include "example_ids.h"
#include "recorded_calls.h"

#include "python_errors.h"

#include <modapi/testing/assertions.h>
#include <modapi/testing/events.h>
#include <modapi/testing/host.h>

#include <callbacks/dispatchers.h>

#include <gtest/gtest.h>

#include <set>
#include <string>

/// Callbacks that a process has registered, asked through the dispatchers as the host asks them.
namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::Verdict;
using modapi::testing::is_json;
using modapi::testing::json;
using modapi::testing::json_object;

class PythonCallbacks : public ::testing::Test {
protected:
    PythonCallbacks() {
        BridgedModule::calls = std::make_shared<RecordedCalls>();
        BridgedModule::registered.clear();
    }
    ~PythonCallbacks() override {
        host.stop();
        BridgedModule::calls.reset();
    }
    void load(const std::string& category, const std::vector<std::string>& names) {
        BridgedModule::registered = registrations(category, names);
        host.load<BridgedModule>();
    }
    RecordedCalls& calls() { return *BridgedModule::calls; }
    callbacks::SpamCheckerDispatch& spam() { return host.hooks().spam_checker; }
    callbacks::ThirdPartyRulesDispatch& rules() { return host.hooks().third_party_rules; }

    bool denies(std::string_view answer) {
        calls().answer(answer);
        const std::string user = alice;
        const std::string room = hall;
        return host.call(spam().user_may_join_room, user, room, true).value().is_spam();
    }
    Verdict verdict_of_event(std::string_view answer) {
        calls().answer(answer);
        const callbacks::Event event = modapi::testing::message(alice, hall, "hello");
        return host.call(spam().check_event_for_spam, event).value();
    }

    modapi::testing::Host host;
};

TEST_F(PythonCallbacks, AllThatAreDeclaredAreInTheGreeting) {
    std::set<std::string> names;
    for (const JsonValue& row : modapi::declared_callbacks()) {
        names.insert(std::string(row.at("name").as_string()));
        EXPECT_LE(row.at("least").to_number<int>(), row.at("arguments").to_number<int>());
    }
    std::set<std::string> declared;
    for (const callbacks::CallbackDescription& row : callbacks::callback_descriptions()) declared.emplace(row.name);
    EXPECT_EQ(names, declared);
}

TEST_F(PythonCallbacks, TheGreetingSaysHowManyArgumentsACallableMustTake) {
    std::map<std::string, std::string> rows;
    for (const JsonValue& row : modapi::declared_callbacks())
        rows[std::string(row.at("name").as_string())] = std::string(row.at("category").as_string()) + " " +
                                                        std::to_string(row.at("arguments").to_number<int>()) + " " +
                                                        std::to_string(row.at("least").to_number<int>());
    EXPECT_EQ(rows.at("user_may_create_room"), "spam_checker 2 1");
    EXPECT_EQ(rows.at("check_username_for_spam"), "spam_checker 2 1");
    EXPECT_EQ(rows.at("check_event_allowed"), "third_party_rules 2 2");
    EXPECT_EQ(rows.at("auth_checkers"), "password_auth_provider 3 3");
    EXPECT_EQ(rows.at("add_field_to_unsigned"), "unsigned_section 1 1");
    EXPECT_EQ(rows.at("on_update"), "background_update_controller 3 3");
    EXPECT_EQ(rows.at("get_media_config_for_user"), "media_repository 1 1");
}

TEST_F(PythonCallbacks, ArgumentsGoInTheOrderOfTheDeclaration) {
    load("spam_checker", {"user_may_join_room"});
    EXPECT_FALSE(denies(R"("NOT_SPAM")"));
    EXPECT_EQ(calls().calls.back().callback, 0U);
    EXPECT_TRUE(is_json(calls().calls.back().arguments, R"(["@alice:example.org", "!hall:example.org", true])"));
}

TEST_F(PythonCallbacks, TheBooleansOfUserMayMeanWhatPublishedModulesMean) {
    load("spam_checker", {"user_may_join_room"});
    EXPECT_FALSE(denies("true"));
    EXPECT_TRUE(denies("false"));
    EXPECT_TRUE(denies("null"));
    EXPECT_NE(host.log().find("user_may_join_room answered None"), std::string::npos) << host.log();
    EXPECT_TRUE(denies(R"("M_FORBIDDEN")"));
    EXPECT_TRUE(denies("0"));
}

TEST_F(PythonCallbacks, ACodeDeniesWithItselfAndWithItsFields) {
    load("spam_checker", {"check_event_for_spam"});
    const Verdict code = verdict_of_event(R"({"$code": "M_LIMIT_EXCEEDED"})");
    EXPECT_EQ(code.errcode(), "M_LIMIT_EXCEEDED");
    const Verdict fields = verdict_of_event(R"({"$tuple": [{"$code": "ORG_OF_TOMORROW"}, {"a": {"$code": "M_X"}}]})");
    EXPECT_EQ(fields.errcode(), "ORG_OF_TOMORROW");
    EXPECT_EQ(fields.additional_fields(), json_object(R"({"a": "M_X"})"));
    // Not a list, and not a text that spells a code.
    EXPECT_EQ(verdict_of_event(R"([{"$code": "M_LIMIT_EXCEEDED"}, {}])").errcode(), "M_FORBIDDEN");
    const Verdict text = verdict_of_event(R"("M_LIMIT_EXCEEDED")");
    EXPECT_EQ(text.errcode(), "M_FORBIDDEN");
    EXPECT_EQ(text.text(), "M_LIMIT_EXCEEDED");
}

TEST_F(PythonCallbacks, TheBooleansOfAnEventsCheckMeanWhatTheContractSays) {
    load("spam_checker", {"check_event_for_spam"});
    EXPECT_TRUE(verdict_of_event("true").is_spam());
    EXPECT_FALSE(verdict_of_event("false").is_spam());
    EXPECT_FALSE(verdict_of_event(R"("NOT_SPAM")").is_spam());
    EXPECT_TRUE(verdict_of_event("null").is_spam());
}

TEST_F(PythonCallbacks, AnEventThatIsMarkedAsSoftFailedIsDenied) {
    load("spam_checker", {"check_event_for_spam"});
    calls().soft_failed = {"$1"};
    EXPECT_TRUE(verdict_of_event("false").is_spam());
    EXPECT_EQ(verdict_of_event(R"({"$code": "M_LIMIT_EXCEEDED"})").errcode(), "M_LIMIT_EXCEEDED");
}

TEST_F(PythonCallbacks, NoBooleanIsAnAnswerAboutALogin) {
    load("spam_checker", {"check_login_for_spam"});
    const std::string user = alice;
    const callbacks::LoginRequestInfo info = {{std::nullopt, "1.2.3.4"}};
    for (const char* answer : {"true", "false"}) {
        calls().answer(answer);
        EXPECT_TRUE(
            host.call(spam().check_login_for_spam, user, std::nullopt, std::nullopt, info, std::nullopt).value().is_spam());
    }
    EXPECT_TRUE(is_json(calls().argument(3), R"([{"$tuple": [null, "1.2.3.4"]}])"));
}

TEST_F(PythonCallbacks, AStateEventIsDeniedByAllButNotSpam) {
    load("spam_checker", {"user_may_send_state_event"});
    const std::string user = alice;
    const std::string room = hall;
    const std::string type = "m.room.topic";
    const std::string key;
    const auto verdict = [&](std::string_view answer) {
        calls().answer(answer);
        return host.call(spam().user_may_send_state_event, user, room, type, key, json_object(R"({"topic": "t"})")).value();
    };
    EXPECT_FALSE(verdict(R"("NOT_SPAM")").is_spam());
    EXPECT_TRUE(verdict("true").is_spam());
    EXPECT_TRUE(verdict("false").is_spam());
    EXPECT_EQ(verdict(R"({"$code": "M_X"})").errcode(), "M_X");
    EXPECT_EQ(verdict(R"({"$tuple": [{"$code": "M_X"}, {}]})").errcode(), "M_FORBIDDEN");
    EXPECT_TRUE(is_json(calls().argument(4), R"({"$json": {"topic": "t"}})"));
}

TEST_F(PythonCallbacks, TruthValuesAreWhatPythonTakesThemFor) {
    load("spam_checker", {"check_username_for_spam", "should_drop_federated_event"});
    const callbacks::UserProfile profile{alice, std::nullopt, std::nullopt};
    const std::string requester = "@bob:example.org";
    const auto left_out = [&](std::string_view answer) {
        calls().answer(answer);
        return host.call(spam().check_username_for_spam, profile, requester).value();
    };
    EXPECT_FALSE(left_out("null"));
    EXPECT_FALSE(left_out("0"));
    EXPECT_TRUE(left_out("1"));
    EXPECT_TRUE(left_out(R"("yes")"));
    EXPECT_TRUE(is_json(calls().argument(0),
                        R"({"$user_profile": {"user_id": "@alice:example.org", "display_name": null, "avatar_url": null}})"));
}

TEST_F(PythonCallbacks, ARegistrationIsJudgedByTheEnumerationAlone) {
    load("spam_checker", {"check_registration_for_spam"});
    const auto judged = [&](std::string_view answer) {
        calls().answer(answer);
        const std::optional<JsonDict> threepid = json_object(R"({"medium": "email"})");
        const callbacks::RegistrationRequestInfo info = {{"agent", "1.2.3.4"}};
        return host.call(spam().check_registration_for_spam, threepid, std::nullopt, info, std::nullopt);
    };
    EXPECT_EQ(judged(R"({"$registration": "allow"})").value(), callbacks::RegistrationBehaviour::ALLOW);
    EXPECT_EQ(judged(R"({"$registration": "shadow_ban"})").value(), callbacks::RegistrationBehaviour::SHADOW_BAN);
    EXPECT_EQ(judged(R"({"$registration": "deny"})").value(), callbacks::RegistrationBehaviour::DENY);
    EXPECT_EQ(judged("true").error_text(),
              "check_registration_for_spam answered True, where the contract has a RegistrationBehaviour");
    EXPECT_TRUE(is_json(calls().argument(0), R"({"$json": {"medium": "email"}})"));
    EXPECT_TRUE(is_json(calls().argument(2), R"([{"$tuple": ["agent", "1.2.3.4"]}])"));
}

TEST_F(PythonCallbacks, AnEventIsFrozenAndItsStateKnownAsFarAsModulesLook) {
    load("third_party_rules", {"check_event_allowed"});
    calls().answer(R"({"$tuple": [true, null]})");
    callbacks::StateMap state;
    state.set(modapi::testing::state_event("m.room.create", "", alice, hall, json_object(R"({"room_version": "9"})")));
    state.set(modapi::testing::state_event("m.room.power_levels", "", alice, hall, JsonDict()));
    for (int number = 0; number < 20; ++number)
        state.set(modapi::testing::member_event(alice, "@user" + std::to_string(number) + ":example.org", hall, "join"));
    const callbacks::Event event = modapi::testing::member_event("@user3:example.org", "@user4:example.org", hall, "leave");
    EXPECT_EQ(host.call(rules().check_event_allowed, event, state).value(), callbacks::EVENT_ALLOWED);
    const JsonValue& held = calls().argument(0).at("$event");
    EXPECT_TRUE(held.at("frozen").as_bool());
    EXPECT_EQ(held.at("room_version"), "9");
    const JsonValue& sent = calls().argument(1).at("$state");
    EXPECT_FALSE(sent.at("complete").as_bool());
    std::map<std::string, bool> known;
    for (const JsonValue& one : sent.at("known").as_array())
        known[std::string(one.at(0).as_string()) + " " + std::string(one.at(1).as_string())] = !one.at(2).is_null();
    EXPECT_EQ(known, (std::map<std::string, bool>{{"m.room.create ", true},
                                                  {"m.room.join_rules ", false},
                                                  {"m.room.power_levels ", true},
                                                  {"m.room.member @user3:example.org", true},
                                                  {"m.room.member @user4:example.org", true}}));
    EXPECT_EQ(calls().states_during_call, 1U);
    EXPECT_TRUE(calls().states.empty()) << "the state is kept for nobody";
}

TEST_F(PythonCallbacks, ASmallStateIsSentAsAWhole) {
    load("third_party_rules", {"on_new_event"});
    callbacks::StateMap state;
    state.set(modapi::testing::state_event("m.room.create", "", alice, hall, JsonDict()));
    const callbacks::Event event = modapi::testing::message(alice, hall, "hello");
    EXPECT_FALSE(host.call(rules().on_new_event, event, state).failed());
    const JsonValue& sent = calls().argument(1).at("$state");
    EXPECT_TRUE(sent.at("complete").as_bool());
    EXPECT_EQ(sent.at("known").as_array().size(), 1U);
    EXPECT_FALSE(calls().argument(0).at("$event").as_object().contains("frozen"));
}

TEST_F(PythonCallbacks, StatesAreDroppedWhenACallFails) {
    load("third_party_rules", {"check_event_allowed"});
    calls().fail(std::make_exception_ptr(modapi::PythonGone("it ended")));
    const callbacks::Event event = modapi::testing::message(alice, hall, "hello");
    EXPECT_TRUE(host.call(rules().check_event_allowed, event, callbacks::StateMap()).failed());
    EXPECT_TRUE(calls().states.empty());
}

TEST_F(PythonCallbacks, AnEventIsAllowedByWhateverIsAPairAndDoesntBeginWithFalse) {
    load("third_party_rules", {"check_event_allowed"});
    const callbacks::Event event = modapi::testing::message(alice, hall, "hello");
    const auto decided = [&](std::string_view answer) {
        calls().answer(answer);
        return host.call(rules().check_event_allowed, event, callbacks::StateMap());
    };
    EXPECT_EQ(decided(R"({"$tuple": [null, null]})").value(), callbacks::EVENT_ALLOWED);
    EXPECT_EQ(decided(R"([true, null])").value(), callbacks::EVENT_ALLOWED);
    EXPECT_EQ(decided(R"({"$tuple": [0, "x"]})").value(), callbacks::EVENT_ALLOWED);
    EXPECT_FALSE(decided(R"({"$tuple": [false, {"type": "x"}]})").value().allowed());
    const callbacks::EventDecision replaced =
        decided(R"({"$tuple": [true, {"type": "x", "content": {"$dict": [["$a", 1]]}}]})").value();
    ASSERT_TRUE(replaced.replacement());
    EXPECT_TRUE(is_json(*replaced.replacement(), R"({"type": "x", "content": {"$a": 1}})"));
    EXPECT_EQ(decided(R"({"$tuple": [true, {"$event": {}}]})").value(), callbacks::EVENT_ALLOWED);
    EXPECT_NE(decided("true").error_text().find("check_event_allowed answered True"), std::string::npos);
    EXPECT_NE(decided(R"({"type": "x", "content": {}, "sender": "y"})").error_text().find("(True, dictionary)"),
              std::string::npos);
}

TEST_F(PythonCallbacks, OnlyFalseDeniesByFalse) {
    load("third_party_rules", {"check_can_deactivate_user", "check_can_shutdown_room"});
    const std::string user = alice;
    const auto may = [&](std::string_view answer) {
        calls().answer(answer);
        return host.call(rules().check_can_deactivate_user, user, true).value();
    };
    EXPECT_TRUE(may("true"));
    EXPECT_FALSE(may("false"));
    EXPECT_TRUE(may("null"));
    EXPECT_NE(host.log().find("check_can_deactivate_user answered None"), std::string::npos) << host.log();
}

TEST_F(PythonCallbacks, ANewRoomsRequestIsChangedAsTheCallbackChangedIt) {
    load("third_party_rules", {"on_create_room"});
    const callbacks::Requester requester{callbacks::UserID(alice)};
    JsonDict request = json_object(R"({"preset": "public_chat", "$set": 1})");
    EXPECT_FALSE(host.call(rules().on_create_room, requester, request, false).failed());
    EXPECT_TRUE(is_json(calls().argument(1), R"({"$mutable": {"preset": "public_chat", "$set": 1}})"));
    EXPECT_TRUE(is_json(request, R"({"preset": "public_chat", "$set": 1})"));
    calls().changed = json_object(R"({"1": {"preset": "private_chat"}})");
    EXPECT_FALSE(host.call(rules().on_create_room, requester, request, false).failed());
    EXPECT_TRUE(is_json(request, R"({"preset": "private_chat"})"));
    calls().changed = json_object(R"({"1": [1]})");
    EXPECT_TRUE(host.call(rules().on_create_room, requester, request, false).failed());
    EXPECT_TRUE(is_json(request, R"({"preset": "private_chat"})"));
}

TEST_F(PythonCallbacks, PresenceGoesToSetsOfUsersAndStopsWhereAModuleIsWrong) {
    load("presence_router", {"get_users_for_states", "get_interested_users"});
    callbacks::UserPresenceState presence;
    presence.user_id = alice;
    presence.state = "online";
    const std::vector<callbacks::UserPresenceState> states = {presence};
    auto& router = host.hooks().presence_router;
    const std::string sent = boost::json::serialize(modapi::testing::json(
        R"({"$presence": {"user_id": "@alice:example.org", "state": "online", "last_active_ts": 0,
            "last_federation_update_ts": 0,
            "last_user_sync_ts": 0, "status_msg": null, "currently_active": false}})"));
    calls().answer(R"({"@a:x": {"$set": [)" + sent + R"(]}, "@b:x": {"$frozenset": []}, "@c:x": {"$set": []}})");
    const callbacks::UsersForStates users = host.call(router.get_users_for_states, states).value();
    ASSERT_EQ(users.size(), 1U);
    EXPECT_TRUE(users.at("@a:x").contains(presence));
    EXPECT_NE(host.log().find("get_users_for_states answered a frozen set"), std::string::npos) << host.log();
    const std::string user = alice;
    const auto interested = [&](std::string_view answer) {
        calls().answer(answer);
        return host.call(router.get_interested_users, user).value();
    };
    EXPECT_TRUE(interested(R"("ALL")").is_everyone());
    EXPECT_TRUE(interested(R"({"$set": ["@b:x"]})").contains("@b:x"));
    EXPECT_TRUE(interested(R"(["@b:x"])").users().empty());
    EXPECT_NE(host.log().find("get_interested_users answered a list"), std::string::npos) << host.log();
}

class PythonLogins : public PythonCallbacks {
protected:
    PythonLogins() {
        BridgedModule::registered = registrations("password_auth_provider", {"auth_checkers"});
        BridgedModule::registered.front().as_object()["key"] = json(R"(["org.example.login", ["secret", "code"]])");
        host.load<BridgedModule>();
    }
    auto login(std::string_view answer) {
        calls().answer(answer);
        const std::string type = "org.example.login";
        const std::string user = "alice";
        const JsonDict fields = json_object(R"({"secret": "s", "code": 1})");
        const callbacks::LoginType key("org.example.login", {"secret", "code"});
        return host.call(host.hooks().password_auth_provider.auth_checkers, key, user, type, fields).value();
    }
};

TEST_F(PythonLogins, AnAnswerIsNoneOrAPairOfAUserAndAnOptionalCallback) {
    const auto answered = login(R"({"$tuple": ["@alice:example.org", null]})");
    ASSERT_TRUE(answered);
    EXPECT_EQ(answered->user_id, alice);
    EXPECT_FALSE(answered->on_response);
    EXPECT_TRUE(
        is_json(calls().calls.back().arguments, R"(["alice", "org.example.login", {"$json": {"secret": "s", "code": 1}}])"));
    EXPECT_FALSE(login("null"));
    for (const char* wrong : {R"("@alice:example.org")", R"(["@alice:example.org", null])", R"({"$tuple": ["@a:x"]})",
                              R"({"$tuple": [1, null]})", R"({"$tuple": ["@a:x", 5]})", "false"}) {
        EXPECT_FALSE(login(wrong)) << wrong;
    }
    EXPECT_NE(host.log().find("auth_checkers answered text, where the contract has None or a pair"), std::string::npos)
        << host.log();
}

TEST_F(PythonLogins, TheResponseCallbackChangesTheResponse) {
    const auto answered = login(R"({"$tuple": ["@alice:example.org", {"$handle": 7}]})");
    ASSERT_TRUE(answered && answered->on_response);
    calls().response_answer = json(R"({"user_id": "x", "extra": {"$tuple": [1]}})");
    JsonDict response = json_object(R"({"user_id": "@alice:example.org"})");
    host.run(answered->on_response.get()(response));
    EXPECT_EQ(calls().responded.front().first, 7);
    EXPECT_TRUE(is_json(calls().responded.front().second, R"({"$json": {"user_id": "@alice:example.org"}})"));
    EXPECT_TRUE(is_json(response, R"({"user_id": "x", "extra": [1]})"));
    EXPECT_TRUE(calls().released.empty()) << "the process forgets it with the response";
}

TEST_F(PythonLogins, CallbacksThatNobodyCallsAreReleased) {
    static_cast<void>(login(R"({"$tuple": ["@alice:example.org", {"$handle": 7}]})"));
    EXPECT_EQ(calls().released, (std::vector<std::int64_t>{7}));
    EXPECT_FALSE(login(R"([{"$handle": 8}])"));
    EXPECT_EQ(calls().released, (std::vector<std::int64_t>{7, 8}));
}

class PythonUpdates : public PythonCallbacks {
protected:
    PythonUpdates() { load("background_update_controller", {"on_update", "default_batch_size", "min_batch_size"}); }
    async::context_manager<int> update() {
        const std::string name = "index";
        const std::string database = "main";
        auto asked = host.run(host.hooks().background_update_controller.on_update(name, database, true));
        return std::move(asked).value();
    }
};

TEST_F(PythonUpdates, AnUpdateRunsWithinTheContextManager) {
    calls().answer(R"({"$handle": 5})");
    calls().entered_value = 100;
    async::context_manager<int> manager = update();
    EXPECT_TRUE(calls().calls.empty()) << "on_update itself waits for nothing";
    EXPECT_EQ(host.run(manager.enter()), 100);
    EXPECT_TRUE(is_json(calls().calls.back().arguments, R"(["index", "main", true])"));
    EXPECT_EQ(calls().entered, (std::vector<std::int64_t>{5}));
    calls().swallows = true;
    EXPECT_TRUE(host.run(manager.exit(std::make_exception_ptr(std::runtime_error("x")))));
    EXPECT_EQ(calls().exited, (std::vector<std::pair<std::int64_t, bool>>{{5, true}}));
    EXPECT_TRUE(calls().released.empty());
}

TEST_F(PythonUpdates, AManagerThatCantBeEnteredIsReleasedAndOneThatGivesNoNumberIsLeft) {
    calls().answer(R"({"$handle": 5})");
    calls().enter_failure = std::make_exception_ptr(modapi::PythonException("KeyError", "x", ""));
    {
        async::context_manager<int> manager = update();
        EXPECT_THROW(host.run(manager.enter()), modapi::PythonException);
    }
    EXPECT_EQ(calls().released, (std::vector<std::int64_t>{5}));
    EXPECT_TRUE(calls().exited.empty());
    calls().enter_failure = nullptr;
    calls().entered_value = "soon";
    {
        async::context_manager<int> manager = update();
        EXPECT_THROW(host.run(manager.enter()), callbacks::ModuleFailed);
    }
    EXPECT_EQ(calls().exited, (std::vector<std::pair<std::int64_t, bool>>{{5, true}}));
}

TEST_F(PythonUpdates, ABatchSizeIsAnInteger) {
    const std::string name = "index";
    const std::string database = "main";
    auto& controller = host.hooks().background_update_controller;
    calls().answer("25");
    EXPECT_EQ(host.call(controller.default_batch_size, name, database).value(), 25);
    calls().answer("true");
    EXPECT_EQ(host.call(controller.min_batch_size, name, database).error_text(),
              "min_batch_size answered True, where the contract has an integer");
}

TEST_F(PythonCallbacks, NamesForAnAccountAreTextAndAllElseIsNoAnswer) {
    load("password_auth_provider", {"get_username_for_registration", "is_3pid_allowed"});
    auto& provider = host.hooks().password_auth_provider;
    const JsonDict nothing;
    calls().answer(R"("")");
    EXPECT_EQ(host.call(provider.get_username_for_registration, nothing, nothing).value(), "");
    calls().answer("5");
    EXPECT_EQ(host.call(provider.get_username_for_registration, nothing, nothing).value(), std::nullopt);
    const std::string medium = "email";
    const std::string address = "a@example.org";
    calls().answer("0");
    EXPECT_TRUE(host.call(provider.is_3pid_allowed, medium, address, true).value());
    calls().answer("false");
    EXPECT_FALSE(host.call(provider.is_3pid_allowed, medium, address, true).value());
}

TEST_F(PythonCallbacks, LimitsOfMediaAndRates) {
    BridgedModule::registered = registrations(
        "media_repository",
        {"get_media_upload_limits_for_user", "is_user_allowed_to_upload_media_of_size", "get_media_config_for_user"});
    for (const JsonValue& one : registrations("ratelimit", {"get_ratelimit_override_for_user"}))
        BridgedModule::registered.push_back(one);
    host.load<BridgedModule>();
    auto& media = host.hooks().media_repository;
    const std::string user = alice;
    calls().answer(R"([{"$upload_limit": {"max_bytes": 5, "time_period_ms": 6}}])");
    EXPECT_EQ(host.call(media.get_media_upload_limits_for_user, user).value()->front(), callbacks::MediaUploadLimit(5, 6));
    calls().answer(R"([{"$upload_limit": {"max_bytes": -5, "time_period_ms": 6}}])");
    EXPECT_NE(
        host.call(media.get_media_upload_limits_for_user, user).error_text().find("get_media_upload_limits_for_user answered"),
        std::string::npos);
    calls().answer("null");
    EXPECT_FALSE(host.call(media.get_media_upload_limits_for_user, user).value());
    const std::int64_t size = 5;
    EXPECT_FALSE(host.call(media.is_user_allowed_to_upload_media_of_size, user, size).value()) << "None is no True";
    calls().answer("1");
    EXPECT_TRUE(host.call(media.is_user_allowed_to_upload_media_of_size, user, size).value());
    calls().answer(R"({"m.upload.size": 1})");
    EXPECT_EQ(host.call(media.get_media_config_for_user, user).value(), json_object(R"({"m.upload.size": 1})"));
    calls().answer(R"({"$ratelimit": {"per_second": 2, "burst_count": 3}})");
    const std::string limiter = "rc_invites.per_user";
    EXPECT_EQ(host.call(host.hooks().ratelimit.get_ratelimit_override_for_user, user, limiter).value(),
              callbacks::RatelimitOverride(2, 3));
    EXPECT_EQ(calls().calls.back().callback, 3U);
}

TEST_F(PythonCallbacks, AnExpiredUserIsATruthValueOrUnknown) {
    load("account_validity", {"is_user_expired"});
    const std::string user = alice;
    const auto expired = [&](std::string_view answer) {
        calls().answer(answer);
        return host.call(host.hooks().account_validity.is_user_expired, user).value();
    };
    EXPECT_EQ(expired("null"), std::nullopt);
    EXPECT_EQ(expired("0"), false);
    EXPECT_EQ(expired("[1]"), true);
}

TEST_F(PythonCallbacks, AllEventsOfAResponseAreAskedAboutWithOneMessage) {
    load("unsigned_section", {"add_field_to_unsigned"});
    const callbacks::Event event = modapi::testing::message(alice, hall, "hello");
    auto& added = host.hooks().unsigned_section.add_field_to_unsigned_callback;
    calls().batch_answer = json(R"([{"result": {"org.example.kind": {"$tuple": [1]}}}])").as_array();
    EXPECT_EQ(host.call(added, event).value(), json_object(R"({"org.example.kind": [1]})"));
    EXPECT_TRUE(calls().calls.empty());
    ASSERT_EQ(calls().batches.size(), 1U);
    EXPECT_EQ(calls().batches.front().arguments.at(0).at(0).at("$event").at("event").at("content").at("body"), "hello");
}

TEST_F(PythonCallbacks, FieldsForEventsAreADictionary) {
    load("unsigned_section", {"add_field_to_unsigned"});
    const callbacks::Event event = modapi::testing::message(alice, hall, "hello");
    auto& added = host.hooks().unsigned_section.add_field_to_unsigned_callback;
    calls().batch_answer = json(R"([{"result": null}])").as_array();
    EXPECT_EQ(host.call(added, event).error_text(), "add_field_to_unsigned answered None, where the contract has a dictionary");
    calls().batch_answer =
        json(R"([{"error": {"kind": "synapse", "class": "SynapseError", "status": 400, "errcode": "M_X", "error": "no"}}])")
            .as_array();
    EXPECT_EQ(host.call(added, event).error_text(), "no");
    calls().batch_answer.clear();
    EXPECT_TRUE(host.call(added, event).failed());
}

TEST_F(PythonCallbacks, AModuleMayRegisterACallbackTwiceAndBothAreAskedInTheirOrder) {
    load("third_party_rules", {"on_threepid_bind", "on_new_event", "on_threepid_bind"});
    const std::string user = alice;
    const std::string medium = "email";
    const std::string address = "a@example.org";
    EXPECT_FALSE(host.call(rules().on_threepid_bind, user, medium, address).failed());
    ASSERT_EQ(calls().calls.size(), 2U);
    EXPECT_EQ(calls().calls.at(0).callback, 0U);
    EXPECT_EQ(calls().calls.at(1).callback, 2U);
}

TEST_F(PythonCallbacks, WhatTheModuleRaisesMeetsTheCallbacksErrorRule) {
    load("third_party_rules", {"on_create_room", "on_new_event"});
    const callbacks::Requester requester{callbacks::UserID(alice)};
    JsonDict request;
    calls().fail(std::make_exception_ptr(modapi::PythonException("KeyError", "'x'", "Traceback")));
    EXPECT_EQ(host.call(rules().on_create_room, requester, request, false).error_text(),
              "Room creation forbidden with these parameters");
    EXPECT_NE(host.log().find("KeyError: 'x'"), std::string::npos) << host.log();
    const callbacks::Event event = modapi::testing::message(alice, hall, "hello");
    EXPECT_FALSE(host.call(rules().on_new_event, event, callbacks::StateMap()).failed());
}

TEST_F(PythonCallbacks, AListThatIsNoneIsRefusedWithOneLine) {
    const auto text_of = [&](std::string_view list) {
        BridgedModule::registered = json(list).as_array();
        modapi::testing::Host fresh;
        try {
            fresh.load<BridgedModule>();
        } catch (const std::exception& wrong) {
            return std::string(wrong.what());
        }
        return std::string("accepted");
    };
    EXPECT_NE(text_of(R"([{"category": "weather", "name": "rain"}])").find("of an unknown category, weather"),
              std::string::npos);
    EXPECT_NE(text_of(R"([{"category": "ratelimit", "name": "rain"}])").find("named rain"), std::string::npos);
    EXPECT_NE(
        text_of(R"([{"category": "password_auth_provider", "name": "auth_checkers", "key": null}])").find("without a key"),
        std::string::npos);
    EXPECT_NE(text_of("[5]").find("that are no objects"), std::string::npos);
    EXPECT_NE(text_of(R"([{"category": "presence_router", "name": "get_interested_users"}])").find("neither or both"),
              std::string::npos);
}

}  // namespace
