#include "worker_under_test.h"

#include <modapi/hosting/cause.h>
#include <modapi/hosting/decisions.h>
#include <modapi/hosting/named_decision.h>
#include <modapi/hosting/request_trace.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// What a worker notes of what its modules' callbacks do, in virtual time.
namespace {

using namespace std::chrono_literals;
using modapi::Decision;
using modapi::DecisionOutcome;

callbacks::Event message(const std::string& body) {
    callbacks::EventFields fields;
    fields.event_id = "$e";
    fields.room_id = "!r:example.org";
    fields.type = "m.room.message";
    fields.sender = "@alice:example.org";
    fields.content["body"] = body;
    return callbacks::Event(std::move(fields));
}

/// Does with a message what its body says.
class Moody {
public:
    Moody(const callbacks::JsonDict&, modapi::ModuleApi& api) {
        callbacks::SpamChecker spam;
        spam.check_event_for_spam = async::bind<&Moody::check_event>(this);
        spam.user_may_send_3pid_invite = async::bind<&Moody::may_send_3pid_invite>(this);
        spam.check_username_for_spam = [](callbacks::UserProfile) { return true; };
        api.register_spam_checker_callbacks(spam);
        callbacks::ThirdPartyRules rules;
        rules.check_event_allowed = async::bind<&Moody::check_event_allowed>(this);
        rules.on_create_room = async::bind<&Moody::on_create_room>(this);
        rules.on_new_event = [](const callbacks::Event&, const callbacks::StateMap&) { throw std::runtime_error("too late"); };
        api.register_third_party_rules_callbacks(rules);
        callbacks::PasswordAuthProvider authentication;
        authentication.check_3pid_auth = async::bind<&Moody::check_3pid_auth>(this);
        authentication.is_3pid_allowed = [](const std::string&, const std::string&, bool) -> bool {
            throw callbacks::SynapseError(418, "teapot", "ORG_EXAMPLE_TEAPOT");
        };
        api.register_password_auth_provider_callbacks(authentication);
        callbacks::AccountValidity accounts;
        accounts.is_user_expired = [](const std::string& user) -> std::optional<bool> { return user.starts_with("@old"); };
        api.register_account_validity_callbacks(accounts);
    }
    async::task<callbacks::Verdict> check_event(const callbacks::Event& event) {
        const std::string body(event.content_string("body").value_or(""));
        if (body == "slowly") co_await async::sleep_for(300ms);
        if (body == "for ever") co_await async::sleep_for(10h);
        if (body.starts_with("a long secret")) throw std::runtime_error("can't judge \"" + body + "\" of " + event.sender());
        if (body == "good") co_return callbacks::NOT_SPAM;
        co_return callbacks::reject("ORG_EXAMPLE_RUDE", "be nice");
    }
    async::task<callbacks::Verdict> may_send_3pid_invite(const std::string&, const std::string&, const std::string&, const std::string&) {
        co_return callbacks::Codes::FORBIDDEN;
    }
    async::task<callbacks::EventDecision> check_event_allowed(const callbacks::Event& event, const callbacks::StateMap&) {
        callbacks::JsonDict replaced = event.get_dict();
        replaced["content"] = callbacks::JsonDict{{"body", "tamed"}, {"format", "plain"}};
        co_return callbacks::EventDecision(true, replaced);
    }
    async::task<void> on_create_room(const callbacks::Requester&, callbacks::JsonDict& request, bool is_admin) {
        if (is_admin) throw callbacks::SynapseError(403, "no rooms of admins", "ORG_EXAMPLE_NO");
        request["topic"] = "stamped";
        request.erase("preset");
        co_return;
    }
    async::task<std::optional<callbacks::AuthResult>> check_3pid_auth(const std::string&, const std::string&, const std::string& password) {
        throw std::runtime_error("no such password: " + password);
        co_return std::nullopt;
    }
};

class NotedDecisions : public testing::Test {
protected:
    /// What was noted, the oldest first.
    [[nodiscard]] std::vector<Decision> noted() const {
        std::vector<Decision> all = decisions.find(modapi::DecisionFilter(), nullptr, 100).decisions;
        return {all.rbegin(), all.rend()};
    }
    [[nodiscard]] Decision only() const {
        const std::vector<Decision> all = noted();
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? Decision() : all.front();
    }
    [[nodiscard]] static modapi::WorkerSettings settings(modapi::Decisions& into) {
        modapi::WorkerSettings how;
        how.decisions = &into;
        how.callback_deadline = 2s;
        return how;
    }
    void construct() { test.construct<Moody>(); }
    [[nodiscard]] callbacks::Verdict judge(const std::string& body) {
        const callbacks::Event event = message(body);
        return test.wait(test.worker.hooks().spam_checker.check_event_for_spam(event));
    }

    modapi::Decisions decisions{100, "p"};
    WorkerUnderTest test{settings(decisions)};
};

TEST_F(NotedDecisions, ADenialSaysWhomItWasAboutAndWhatTheModuleAnswered) {
    construct();
    EXPECT_TRUE(judge("rude").is_spam());
    const Decision decision = only();
    EXPECT_EQ(decision.outcome, DecisionOutcome::denied);
    EXPECT_EQ(decision.module, "test.Module0");
    EXPECT_EQ(decision.callback, "check_event_for_spam");
    EXPECT_EQ(decision.errcode, "ORG_EXAMPLE_RUDE");
    EXPECT_EQ(decision.text, "be nice");
    EXPECT_EQ(decision.user_id, "@alice:example.org");
    EXPECT_EQ(decision.room_id, "!r:example.org");
    EXPECT_EQ(decision.event_id, "$e");
    EXPECT_EQ(decision.worker, "main");
    EXPECT_EQ(decision.request_id, "");
}

TEST_F(NotedDecisions, WhatLetsPassIsNone) {
    construct();
    EXPECT_FALSE(judge("good").is_spam());
    static_cast<void>(test.wait(test.worker.hooks().account_validity.is_user_expired("@young:example.org")));
    EXPECT_TRUE(noted().empty());
    static_cast<void>(test.wait(test.worker.hooks().account_validity.is_user_expired("@old:example.org")));
    EXPECT_EQ(only().outcome, DecisionOutcome::denied);
    EXPECT_EQ(only().user_id, "@old:example.org");
}

TEST_F(NotedDecisions, SaysHowLongItTook) {
    construct();
    static_cast<void>(judge("slowly"));
    EXPECT_EQ(only().duration_ms, 300);
}

TEST_F(NotedDecisions, ACutRunIsToldFromAFailure) {
    construct();
    EXPECT_ANY_THROW(static_cast<void>(judge("for ever")));
    const Decision decision = only();
    EXPECT_EQ(decision.outcome, DecisionOutcome::cut);
    EXPECT_GE(decision.duration_ms, 2000);
}

TEST_F(NotedDecisions, AFailureQuotesNoMessageButWhoSentIt) {
    construct();
    EXPECT_ANY_THROW(static_cast<void>(judge("a long secret that nobody else may read")));
    EXPECT_EQ(only().outcome, DecisionOutcome::failed);
    EXPECT_EQ(only().text, "can't judge \"[...]\" of @alice:example.org");
}

TEST_F(NotedDecisions, AFailureQuotesNoPasswordEvenOneThatLooksLikeAUser) {
    construct();
    const std::string medium = "email";
    const std::string address = "@alice:example.org";
    const std::string password = "@secret:example.org";
    static_cast<void>(test.wait(test.worker.hooks().password_auth_provider.check_3pid_auth(medium, address, password)));
    const Decision decision = only();
    EXPECT_EQ(decision.outcome, DecisionOutcome::failed);
    EXPECT_EQ(decision.user_id, "");
    EXPECT_EQ(decision.text.find("@secret"), std::string::npos) << decision.text;
}

TEST_F(NotedDecisions, AFailureHidesTheWholeOfAMessageThatHasItsPartsToo) {
    construct();
    callbacks::EventFields fields;
    fields.sender = "@alice:example.org";
    fields.type = "m.room.message";
    fields.content["part"] = "a long secret";
    fields.content["body"] = "a long secret that nobody else may read";
    const callbacks::Event event(std::move(fields));
    EXPECT_ANY_THROW(static_cast<void>(test.wait(test.worker.hooks().spam_checker.check_event_for_spam(event))));
    EXPECT_EQ(only().text, "can't judge \"[...]\" of @alice:example.org");
}

TEST_F(NotedDecisions, WhatLooksLikeAnIdIsNoneWhereNoneIsDeclared) {
    construct();
    const std::string inviter = "@alice:example.org";
    const std::string medium = "!medium";
    const std::string address = "!address with words";
    const std::string room = "!room:example.org";
    static_cast<void>(test.wait(test.worker.hooks().spam_checker.user_may_send_3pid_invite(inviter, medium, address, room)));
    EXPECT_EQ(only().user_id, inviter);
    EXPECT_EQ(only().room_id, room);
    const std::string no_room = "!a room's id has no spaces";
    static_cast<void>(test.wait(test.worker.hooks().spam_checker.user_may_send_3pid_invite(medium, inviter, address, no_room)));
    ASSERT_EQ(noted().size(), 2U);
    EXPECT_EQ(noted()[1].user_id, "");
    EXPECT_EQ(noted()[1].room_id, "");
}

TEST_F(NotedDecisions, AnAnswerThatTheErrorRuleKeepsFromTheClientIsAFailure) {
    construct();
    const std::string medium = "email";
    const std::string address = "a@b.example";
    EXPECT_ANY_THROW(static_cast<void>(test.wait(test.worker.hooks().password_auth_provider.is_3pid_allowed(medium, address, true))));
    EXPECT_EQ(only().outcome, DecisionOutcome::failed);
    EXPECT_EQ(only().errcode, "");
}

TEST_F(NotedDecisions, AReplacementSaysWhichKeysAreOthers) {
    construct();
    const callbacks::Event event = message("wild");
    static_cast<void>(test.wait(test.worker.hooks().third_party_rules.check_event_allowed(event, callbacks::StateMap())));
    EXPECT_EQ(only().outcome, DecisionOutcome::replaced);
    EXPECT_EQ(only().text, "content.body, content.format");
}

TEST_F(NotedDecisions, AChangedRequestSaysWhichKeysAreOthersAndADeniedOneWhy) {
    construct();
    const callbacks::Requester alice{callbacks::UserID("@alice:example.org")};
    callbacks::JsonDict request{{"preset", "private_chat"}, {"name", "same"}};
    test.wait(test.worker.hooks().third_party_rules.on_create_room(alice, request, false));
    EXPECT_EQ(only().outcome, DecisionOutcome::replaced);
    EXPECT_EQ(only().text, "preset, topic");
    EXPECT_EQ(only().user_id, "@alice:example.org");
    EXPECT_ANY_THROW(test.wait(test.worker.hooks().third_party_rules.on_create_room(alice, request, true)));
    ASSERT_EQ(noted().size(), 2U);
    EXPECT_EQ(noted()[1].outcome, DecisionOutcome::denied);
    EXPECT_EQ(noted()[1].errcode, "ORG_EXAMPLE_NO");
    EXPECT_EQ(noted()[1].text, "no rooms of admins");
}

/// A request in whose chain something is asked.
async::task<std::string> denied_by(callbacks::Dispatchers& hooks, std::shared_ptr<const modapi::RequestTrace> request, std::string kind) {
    const async::context& outer = co_await async::this_context;
    modapi::Cause cause;
    cause.request = std::move(request);
    const modapi::CausedWork work(outer, std::move(cause));
    if (kind == "message") {
        const callbacks::Event event = message("rude");
        async::task<callbacks::Verdict> asked = hooks.spam_checker.check_event_for_spam(event);
        static_cast<void>(co_await std::move(asked).in(work.here()));
    }
    if (kind == "profile") {
        const std::string searcher = "@alice:example.org";
        async::task<bool> asked =
            hooks.spam_checker.check_username_for_spam(callbacks::UserProfile{"@bob:example.org", {}, {}}, searcher);
        static_cast<void>(co_await std::move(asked).in(work.here()));
    }
    if (kind == "event") {
        const callbacks::Event event = message("stored");
        const callbacks::StateMap state;
        async::task<void> told = hooks.third_party_rules.on_new_event(event, state);
        co_await std::move(told).in(work.here());
    }
    co_return work.denied_by();
}

TEST_F(NotedDecisions, ARequestThatIsDeniedKnowsByWhichDecision) {
    construct();
    const auto request = std::make_shared<const modapi::RequestTrace>("192.0.2.7", "", "");
    const std::string id = test.wait(denied_by(test.worker.hooks(), request, "message"));
    EXPECT_EQ(only().id, id);
    EXPECT_EQ(only().request_id, request->request_id());
    EXPECT_EQ(only().address, "192.0.2.7");
}

TEST_F(NotedDecisions, ARequestIsNotToldOfADenialThatHidesNorOfAFailureThatChangesNothing) {
    construct();
    const auto request = std::make_shared<const modapi::RequestTrace>("192.0.2.7", "", "");
    EXPECT_EQ(test.wait(denied_by(test.worker.hooks(), request, "profile")), "");
    EXPECT_EQ(test.wait(denied_by(test.worker.hooks(), request, "event")), "");
    ASSERT_EQ(noted().size(), 2U);
    EXPECT_EQ(noted()[0].user_id, "@bob:example.org");
    EXPECT_EQ(noted()[1].callback, "on_new_event");
    EXPECT_EQ(noted()[1].outcome, DecisionOutcome::failed);
    EXPECT_EQ(noted()[1].request_id, request->request_id());
}

/// A response to a request of which a module decided.
async::task<modapi::Response> answered(modapi::Decisions& decisions, modapi::Response response, std::string decision) {
    const async::context& outer = co_await async::this_context;
    modapi::TracedWork work(outer, nullptr);
    work.set_denied_by(std::move(decision));
    modapi::name_decision(response, work, decisions);
    co_return response;
}

TEST_F(NotedDecisions, AnErrorNamesItsDecisionWhichSaysThenWhatTheClientGot) {
    modapi::NewDecision denial;
    denial.module = "m";
    denial.callback = "c";
    denial.worker = "main";
    const std::string id = decisions.note(denial);
    modapi::Response error{403, {}, R"({"errcode":"M_FORBIDDEN","error":"not here"})"};
    const modapi::Response named = test.wait(answered(decisions, error, id));
    ASSERT_EQ(named.headers.size(), 1U);
    EXPECT_EQ(named.headers[0].first, "X-Modapi-Decision");
    EXPECT_EQ(named.headers[0].second, id);
    EXPECT_EQ(only().errcode, "M_FORBIDDEN");
    EXPECT_EQ(only().text, "not here");
}

TEST_F(NotedDecisions, AnAnswerThatIsNoErrorNamesNoneAndOneThatIsNoJsonNamesIt) {
    const modapi::Response well = test.wait(answered(decisions, {200, {}, "{}"}, "00ff"));
    EXPECT_TRUE(well.headers.empty());
    const modapi::Response page = test.wait(answered(decisions, {502, {}, "<html>"}, "00ff"));
    EXPECT_EQ(page.headers.size(), 1U);
}

}  // namespace
