#include "admin_server.h"
#include "federation_peer.h"
#include "patience.h"
#include "room_test.h"

#include "events/public_key.h"
#include "rooms/room_turns.h"

#include <modapi/database.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>

/// What another server may do, over real HTTP, with two modules that say what they were asked.
namespace {

using namespace homeserver_test;
using boost::json::object;
using Texts = std::vector<std::string>;

class FederationTest : public RoomTest {
protected:
    explicit FederationTest(
        const std::string& modules =
            "modules:\n  - {module: probe.Probe, config: {name: a}}\n  - {module: probe.Probe, config: {name: b}}\n",
        int workers = 1)
        : RoomTest(FederationPeer::configuration() + modules, workers) {}

    /// What module b was asked about events of the peer since its journal was cleared, in order; on_new_event is waited for.
    [[nodiscard]] Texts asked(bool ends_with_new_event) const {
        for (const Patience patience;;) {
            Texts asked;
            const Answer answer = server.request("GET", "/_synapse/client/probe/b");
            for (const boost::json::value& record : answer.body.at("journal").as_array()) {
                const std::string callback(record.at("callback").as_string());
                if (callback != "is_user_expired") asked.push_back(callback);
            }
            const bool complete = !asked.empty() && asked.back() == "on_new_event";
            if (complete == ends_with_new_event || !patience.is_left()) return asked;
        }
    }
    void clear_journals() const {
        for (const char* const probe : {"a", "b"}) {
            EXPECT_EQ(server.request("GET", std::string("/_synapse/client/probe/") + probe + "?clear=1").status, 200);
        }
    }
    /// Clears what the probes were asked, when what ran behind the last answer is in it.
    void begin() const {
        static_cast<void>(asked(true));
        clear_journals();
    }
    [[nodiscard]] Texts seen_by_alice() const {
        return bodies(get("/rooms/" + peer.room + "/messages?dir=b&limit=100", alice).body.at("chunk"));
    }
    void join() {
        const Answer joined = peer.join(room, "carol");
        ASSERT_EQ(joined.status, 200) << joined.body;
    }

    std::string alice = server.register_user("alice");
    std::string room = create_room(alice, R"({"preset":"public_chat"})");
    FederationPeer peer{server};
};

TEST_F(FederationTest, TheServersKeyIsSignedByItself) {
    const Answer answer = server.request("GET", "/_matrix/key/v2/server");
    EXPECT_EQ(answer.text("server_name"), "hs.test");
    const object& keys = answer.body.at("verify_keys").as_object();
    ASSERT_EQ(keys.size(), 1U);
    const std::string key_id(keys.begin()->key());
    const auto key = homeserver::PublicKey::from_base64(keys.begin()->value().at("key").as_string());
    ASSERT_TRUE(key);
    EXPECT_TRUE(key->verifies(homeserver::signed_bytes(answer.body),
                              answer.body.at("signatures").at("hs.test").at(key_id).as_string()));
}

TEST_F(FederationTest, AUserOfAnotherServerJoinsAndTalks) {
    begin();
    join();
    EXPECT_EQ(asked(true), (Texts{"check_event_allowed", "check_event_for_spam", "check_event_allowed", "on_new_event"}));
    EXPECT_TRUE(get("/rooms/" + room + "/joined_members", alice).body.at("joined").as_object().contains("@carol:peer.test"));
    const std::string since = get("/sync", alice).text("next_batch");
    clear_journals();

    EXPECT_TRUE(peer.send_one(peer.message("hello")).empty());

    EXPECT_EQ(asked(true),
              (Texts{"check_event_for_spam", "should_drop_federated_event", "check_event_allowed", "on_new_event"}));
    const Answer sync = get("/sync?since=" + since + "&timeout=10000", alice);
    EXPECT_EQ(bodies(sync.body.at("rooms").at("join").at(room).at("timeline").at("events")), Texts{"hello"});
    EXPECT_EQ(send(room, "hello yourself", alice).status, 200);
}

TEST_F(FederationTest, SendJoinAnswersTheStateBeforeTheJoinAndWhatAuthorizesIt) {
    const Answer joined = peer.join(room, "carol");
    ASSERT_EQ(joined.status, 200) << joined.body;
    Texts types;
    for (const boost::json::value& event : joined.body.at("state").as_array()) types.emplace_back(event.at("type").as_string());
    std::sort(types.begin(), types.end());
    EXPECT_EQ(types, (Texts{"m.room.create", "m.room.history_visibility", "m.room.join_rules", "m.room.member",
                            "m.room.power_levels"}));
    EXPECT_FALSE(joined.body.at("auth_chain").as_array().empty());
    EXPECT_EQ(joined.body.at("members_omitted"), false);
}

TEST_F(FederationTest, WhatModulesRejectIsSoftFailedAndShownToNobody) {
    join();
    begin();
    EXPECT_TRUE(peer.send_one(peer.message("spam code")).empty());
    EXPECT_EQ(asked(true), (Texts{"should_drop_federated_event", "check_event_allowed", "on_new_event"}))
        << "module a rejected it, so that b wasn't asked for its verdict";
    EXPECT_TRUE(peer.send_one(peer.message("behind it")).empty()) << "later events may refer to it";
    const Texts seen = seen_by_alice();
    EXPECT_EQ(seen.front(), "behind it");
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "spam code"), 0);
}

TEST_F(FederationTest, WhatModulesDropIsDroppedSilently) {
    join();
    begin();
    const std::string before = peer.last_event;
    EXPECT_TRUE(peer.send_one(peer.message("drop me")).empty());
    EXPECT_EQ(asked(false), Texts{"check_event_for_spam"}) << "module a dropped it, b wasn't asked about that";
    object behind = peer.message("behind it");
    EXPECT_FALSE(peer.send_one(behind).empty()) << "it isn't known here";
    peer.last_event = before;
    EXPECT_TRUE(peer.send_one(peer.message("beside it")).empty());
    EXPECT_EQ(seen_by_alice().front(), "beside it");
}

TEST_F(FederationTest, WhatModulesDoNotAllowIsRefusedAndNothingIsStored) {
    join();
    EXPECT_EQ(peer.send_one(peer.message("deny rule")).at("error"), "This event is not allowed in this context");
    EXPECT_EQ(peer.send_one(peer.message("error rule")).at("error"), "gone");
    EXPECT_EQ(peer.send_one(peer.message("throw rule")).at("error"), "Internal server error");
    EXPECT_EQ(peer.send_one(peer.message("spam error")).at("error"), "teapot");
    EXPECT_EQ(peer.send_one(peer.message("spam throw")).at("error"), "Internal server error");
    EXPECT_EQ(seen_by_alice().front(), "m.room.member");
    EXPECT_TRUE(peer.send_one(peer.message("replace rule")).empty());
    EXPECT_EQ(seen_by_alice().front(), "replace rule") << "another server's event isn't replaced";
    EXPECT_TRUE(server.log_shows("is ignored: it came from another server"));
}

TEST_F(FederationTest, AWrongHashPrunesTheEventAndNoSpamCheckerIsAsked) {
    join();
    begin();
    object pdu = peer.message("as it was");
    FederationPeer::sign(pdu);
    pdu["content"] = object({{"msgtype", "m.text"}, {"body", "changed on its way"}});
    const std::string event_id = FederationPeer::id_of(pdu);
    const Answer answer = peer.send({pdu}, "changed");
    EXPECT_EQ(boost::json::serialize(answer.body), "{\"pdus\":{\"" + event_id + "\":{}}}");
    EXPECT_EQ(asked(true), (Texts{"should_drop_federated_event", "check_event_allowed", "on_new_event"}));
    const Answer event = get("/rooms/" + room + "/event/" + event_id, alice);
    EXPECT_TRUE(event.body.at("content").as_object().empty()) << event.body;
}

TEST_F(FederationTest, ARepeatedTransactionAnswersTheSameAndStoresNothingTwice) {
    join();
    object pdu = peer.message("once");
    FederationPeer::sign(pdu);
    const Answer first = peer.send({pdu}, "again");
    EXPECT_TRUE(first.body.at("pdus").at(FederationPeer::id_of(pdu)).as_object().empty());
    clear_journals();
    const Answer second = peer.send({pdu}, "again");
    EXPECT_EQ(boost::json::serialize(second.body), boost::json::serialize(first.body));
    EXPECT_TRUE(peer.send({pdu}, "another").body.at("pdus").at(FederationPeer::id_of(pdu)).as_object().empty());
    const Texts seen = seen_by_alice();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "once"), 1);
}

TEST_F(FederationTest, AnEventThatIsKnownIsNotShownToModulesAgain) {
    join();
    object taken = peer.message("once");
    EXPECT_TRUE(peer.send_one(taken).empty());
    FederationPeer::sign(taken);
    object soft_failed = peer.message("spam code");
    EXPECT_TRUE(peer.send_one(soft_failed).empty());
    FederationPeer::sign(soft_failed);
    begin();
    for (int delivery = 0; delivery < 8; ++delivery) {
        const Answer answer = peer.send({taken, soft_failed, taken}, "delivery" + std::to_string(delivery));
        EXPECT_EQ(answer.status, 200);
        for (const auto& [event_id, result] : answer.body.at("pdus").as_object()) EXPECT_TRUE(result.as_object().empty());
    }
    EXPECT_EQ(asked(false), Texts{});
    EXPECT_EQ(seen_by_alice().front(), "once");
}

TEST_F(FederationTest, AJoinThatIsKnownIsAnsweredAsBeforeAndAsksNoModuleAgain) {
    const Answer joined = peer.join(room, "carol");
    ASSERT_EQ(joined.status, 200) << joined.body;
    begin();
    const boost::json::value& join = joined.body.at("event");
    const std::string target = "/_matrix/federation/v2/send_join/" + room + "/" + FederationPeer::id_of(join.as_object());
    const Answer again = peer.ask("PUT", target, boost::json::serialize(join));
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(again.body.at("state").as_array().size(), joined.body.at("state").as_array().size());
    EXPECT_EQ(asked(false), Texts{});
}

/// A module that takes its time, on two workers.
class HeldFederationTest : public FederationTest {
protected:
    HeldFederationTest() : FederationTest("modules:\n  - {module: stubborn.Stubborn}\n", 2) {}
};

TEST_F(HeldFederationTest, AnEventThatIsDeliveredTwiceAtOnceIsShownToModulesOnce) {
    join();
    object pdu = peer.message("hold");
    FederationPeer::sign(pdu);
    std::vector<std::future<Answer>> deliveries;
    for (const char* const transaction : {"first", "second", "third", "fourth"}) {
        deliveries.push_back(std::async(std::launch::async, [&, transaction] { return peer.send({pdu}, transaction); }));
    }
    ASSERT_TRUE(server.log_shows("is asked about what it holds back"));
    EXPECT_EQ(send(room, "let go", alice).status, 200);
    for (std::future<Answer>& delivery : deliveries) {
        const Answer answer = delivery.get();
        EXPECT_TRUE(answer.body.at("pdus").at(FederationPeer::id_of(pdu)).as_object().empty()) << answer.body;
    }
    const std::string log = server.log();
    const std::size_t first = log.find("is asked about what it holds back");
    EXPECT_EQ(log.find("is asked about what it holds back", first + 1), std::string::npos) << log;
    const Texts seen = seen_by_alice();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "hold"), 1);
}

TEST_F(FederationTest, OneBadEventDoesNotKeepTheOthersOut) {
    join();
    object forged = peer.message("forged");
    FederationPeer::sign(forged);
    forged["signatures"] = object({{"peer.test", object({{"ed25519:p", std::string(86, 'A')}})}});
    object good = peer.message("good");
    FederationPeer::sign(good);
    const Answer answer = peer.send({forged, good}, "both");
    EXPECT_EQ(answer.body.at("pdus").at(FederationPeer::id_of(forged)).at("error"), "The event isn't signed by peer.test");
    EXPECT_TRUE(answer.body.at("pdus").at(FederationPeer::id_of(good)).as_object().empty());
    EXPECT_EQ(seen_by_alice().front(), "good");
}

TEST_F(FederationTest, EventsThatCannotBeAreRefusedOneByOne) {
    join();
    const auto refusal_of = [&](object pdu) { return std::string(peer.send_one(std::move(pdu)).at("error").as_string()); };
    const auto changed = [&](const char* key, boost::json::value value) {
        object pdu = peer.message("x");
        pdu[key] = std::move(value);
        return pdu;
    };
    EXPECT_EQ(refusal_of(changed("sender", "@alice:hs.test")), "The sender @alice:hs.test isn't of peer.test");
    EXPECT_EQ(refusal_of(changed("sender", "nobody")), "'sender' must be a user id");
    EXPECT_EQ(refusal_of(changed("sender", "@dave:peer.test")), "User @dave:peer.test not in room " + room);
    EXPECT_EQ(refusal_of(changed("room_id", "!none:hs.test")), "Room !none:hs.test is not known here");
    EXPECT_EQ(refusal_of(changed("prev_events", boost::json::array({"$none"}))), "Event $none is not known here");
    EXPECT_EQ(refusal_of(changed("auth_events", boost::json::array({"$none"}))), "Event $none is not known here");
    EXPECT_EQ(refusal_of(changed("prev_events", "none")), "'prev_events' must be a list of event ids");
    EXPECT_EQ(refusal_of(changed("depth", "deep")), "'depth' must be an integer");
    EXPECT_EQ(refusal_of(changed("depth", -1)), "'depth' must not be negative");
    EXPECT_EQ(refusal_of(changed("origin_server_ts", nullptr)), "'origin_server_ts' must be an integer");
    object named = peer.unsigned_event("m.room.name", object({{"name", "mine"}}));
    named["state_key"] = "";
    EXPECT_TRUE(refusal_of(named).starts_with("You don't have permission to post that to the room.")) << refusal_of(named);
    EXPECT_EQ(seen_by_alice().front(), "m.room.member");
}

TEST_F(FederationTest, TooLargeAndTooManyEventsAreRefused) {
    join();
    object large = peer.message(std::string(64'000, 'x'));
    FederationPeer::sign(large);
    large["padding"] = std::string(2'000, 'x');
    const Answer answer = peer.send({large}, "large");
    EXPECT_EQ(answer.body.at("pdus").at(FederationPeer::id_of(large)).at("error"), "event too large");
    const std::vector<object> many(51, large);
    expect_error(peer.send({many.begin(), many.end()}, "many"), 400, "M_TOO_LARGE",
                 "A transaction has at most 50 PDUs and 100 EDUs");
    EXPECT_EQ(seen_by_alice().front(), "m.room.member");
}

TEST_F(FederationTest, WhatIsNoCanonicalJsonIsRefusedAsAWhole) {
    join();
    const std::string target = "/_matrix/federation/v1/send/floats";
    for (const std::string body : {R"({"pdus":[{"depth":1.5}]})", R"({"pdus":[{"depth":9007199254740993}]})",
                                   R"({"pdus":[{"depth":18446744073709551615}]})", R"({"pdus":[{"content":{"a":[1e30]}}]})"}) {
        const Answer answer =
            server.request_by(FederationPeer::authorization("PUT", target, R"({"pdus":[]})"), "PUT", target, body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.text("errcode"), "M_BAD_JSON") << body;
    }
    for (const std::string body : {R"({"pdus":5})", R"({"pdus":[5]})", R"({"edus":"x"})"}) {
        EXPECT_EQ(peer.ask("PUT", target, body).text("errcode"), "M_BAD_JSON") << body;
    }
    EXPECT_EQ(server.request_by(FederationPeer::authorization("PUT", target, "{}"), "PUT", target, "{broken").text("errcode"),
              "M_NOT_JSON");
    EXPECT_EQ(peer.ask("PUT", target, R"({"pdus":[]})").status, 200) << "the server goes on";
}

TEST_F(FederationTest, RequestsThatNobodyKnownHasSignedAreRefused) {
    const std::string target = "/_matrix/federation/v1/make_join/" + room + "/@carol:peer.test?ver=10";
    const auto refusal_of = [&](const std::string& authorization) {
        const Answer answer = server.request_by(authorization, "GET", target);
        EXPECT_EQ(answer.status, 401);
        EXPECT_EQ(answer.text("errcode"), "M_UNAUTHORIZED");
        return answer.text("error");
    };
    EXPECT_EQ(refusal_of(""), "Missing Authorization headers");
    EXPECT_EQ(refusal_of("Bearer " + alice), "Malformed Authorization header");
    EXPECT_EQ(refusal_of("X-Matrix origin=stranger.test,key=\"ed25519:1\",sig=abc"),
              "No key ed25519:1 of stranger.test is known");
    EXPECT_EQ(refusal_of("X-Matrix origin=peer.test,key=\"ed25519:other\",sig=abc"),
              "No key ed25519:other of peer.test is known");
    EXPECT_EQ(refusal_of(FederationPeer::authorization("GET", target + "&more", "")),
              "Invalid signature for server peer.test with key ed25519:p");
    EXPECT_EQ(refusal_of(FederationPeer::authorization("GET", target, "", "elsewhere.test")),
              "Destination mismatch in auth header");
    EXPECT_EQ(server.request_by(FederationPeer::authorization("GET", target, ""), "GET", target).status, 200);
}

TEST_F(FederationTest, JoinsThatCannotBeAreRefused) {
    const std::string make = "/_matrix/federation/v1/make_join/";
    EXPECT_EQ(peer.ask("GET", make + "!none:hs.test/@carol:peer.test?ver=10").text("errcode"), "M_NOT_FOUND");
    EXPECT_EQ(peer.ask("GET", make + room + "/@carol:elsewhere.test?ver=10").text("errcode"), "M_FORBIDDEN");
    EXPECT_EQ(peer.ask("GET", make + room + "/carol?ver=10").text("errcode"), "M_INVALID_PARAM");
    const Answer version = peer.ask("GET", make + room + "/@carol:peer.test?ver=9");
    EXPECT_EQ(version.text("errcode"), "M_INCOMPATIBLE_ROOM_VERSION");
    EXPECT_EQ(version.text("room_version"), "10");
    const std::string closed = create_room(alice);
    EXPECT_EQ(peer.join(closed, "carol").text("error"), "You are not invited to this room.");

    ASSERT_EQ(peer.join(room, "carol").status, 200);
    object leave = peer.unsigned_event("m.room.member", object({{"membership", "leave"}}));
    leave["state_key"] = peer.user;
    FederationPeer::sign(leave);
    const std::string send_join = "/_matrix/federation/v2/send_join/" + room + "/";
    expect_error(peer.ask("PUT", send_join + FederationPeer::id_of(leave), boost::json::serialize(leave)), 400, "M_BAD_JSON",
                 "The event is no join");
    expect_error(peer.ask("PUT", send_join + "$other", boost::json::serialize(leave)), 400, "M_BAD_JSON",
                 "The event's id isn't the one of the path");
    EXPECT_EQ(peer.ask("PUT", send_join + "$other", R"({"type":5})").text("errcode"), "M_FORBIDDEN");
}

/// A module whose failures in check_event_for_spam put the operation off.
class PutOffFederationTest : public FederationTest {
protected:
    PutOffFederationTest()
        : FederationTest(
              "modules:\n  - {module: probe.Probe, config: {name: a}, callbacks: {check_event_for_spam: {on_failure: tempfail}}}\n"
              "  - {module: probe.Probe, config: {name: b}}\n") {}
};

TEST_F(PutOffFederationTest, ATransactionThatIsPutOffIsAnsweredSoAsAWholeAndNotRemembered) {
    join();
    object taken = peer.message("taken");
    object failing = peer.message("spam throw");
    FederationPeer::sign(taken);
    FederationPeer::sign(failing);
    for (int time = 0; time < 2; ++time) {
        const Answer put_off = peer.send({taken, failing}, "put-off");
        expect_error(put_off, 503, "M_UNKNOWN", "Try again later");
        EXPECT_EQ(put_off.header("Retry-After"), "5");
    }
    const Answer repeated = peer.send({taken}, "put-off");
    EXPECT_EQ(repeated.status, 200);
    EXPECT_EQ(boost::json::serialize(repeated.body), "{\"pdus\":{\"" + FederationPeer::id_of(taken) + "\":{}}}");
    const Texts seen = seen_by_alice();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "taken"), 1);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "spam throw"), 0);
}

TEST_F(PutOffFederationTest, AClientIsToldWhenToTryAgain) {
    const Answer put_off = send(room, "spam throw", alice);
    expect_error(put_off, 503, "M_UNKNOWN", "Try again later");
    EXPECT_EQ(put_off.header("Retry-After"), "5");
    EXPECT_EQ(send(room, "calm", alice).status, 200);
}

/// Modules that answer as they are told.
class ScriptedFederationTest : public FederationTest {
protected:
    ScriptedFederationTest()
        : FederationTest(
              "modules:\n  - {module: scripted.Scripted, config: {name: a}}\n"
              "  - {module: scripted.Scripted, config: {name: b}}\n") {}

    /// What module a or b does when it is asked about should_drop_federated_event.
    void script(const std::string& module, const std::string& behaviour) const {
        const std::string body = R"({"should_drop_federated_event":")" + behaviour + "\"}";
        EXPECT_EQ(server.request("PUT", "/_synapse/client/scripted/" + module, body).status, 200);
    }
    [[nodiscard]] bool was_asked(const std::string& module) const {
        const Answer answer = server.request("GET", "/_synapse/client/scripted/" + module);
        const boost::json::array& asked = answer.body.at("asked").as_array();
        return std::any_of(asked.begin(), asked.end(), [](const boost::json::value& callback) {
            return callback.as_string() == "should_drop_federated_event";
        });
    }
};

TEST_F(ScriptedFederationTest, EitherModuleDropsAnEventAndAnExceptionIsItsErrorInTheAnswer) {
    join();
    const std::string before = peer.last_event;
    const auto result_with = [&](const std::string& of_a, const std::string& of_b) {
        peer.last_event = before;
        script("a", of_a);
        script("b", of_b);
        return peer.send_one(peer.message("a: " + of_a + ", b: " + of_b));
    };
    EXPECT_TRUE(result_with("decide", "").empty());
    EXPECT_FALSE(was_asked("b")) << "the first that drops it ends the walk";
    EXPECT_TRUE(result_with("", "decide").empty());
    EXPECT_TRUE(was_asked("a"));
    EXPECT_EQ(result_with("throw", "").at("error"), "Internal server error");
    EXPECT_FALSE(was_asked("b"));
    EXPECT_EQ(result_with("throw SynapseError", "").at("error"), "teapot of a");
    EXPECT_EQ(result_with("", "throw SynapseError").at("error"), "teapot of b");
    EXPECT_EQ(seen_by_alice().front(), "m.room.member") << "nothing was stored";
    EXPECT_TRUE(result_with("", "").empty());
    EXPECT_EQ(seen_by_alice().front(), "a: , b: ");
}

class FederatedInviteTest : public FederationTest {
protected:
    [[nodiscard]] object invitation(const std::string& to, const std::string& inviter = "carol") const {
        object pdu;
        pdu["room_id"] = "!outside:peer.test";
        pdu["type"] = "m.room.member";
        pdu["sender"] = "@" + inviter + ":peer.test";
        pdu["state_key"] = to;
        pdu["content"] = object({{"membership", "invite"}});
        pdu["origin_server_ts"] = 1;
        pdu["depth"] = 5;
        pdu["prev_events"] = boost::json::array({"$before"});
        pdu["auth_events"] = boost::json::array({"$create"});
        return pdu;
    }
    [[nodiscard]] Answer invite(object pdu, const std::string& version = "10") const {
        FederationPeer::sign(pdu);
        object body;
        body["room_version"] = version;
        body["invite_room_state"] = boost::json::array({object({{"type", "m.room.name"},
                                                                {"state_key", ""},
                                                                {"sender", "@carol:peer.test"},
                                                                {"content", object({{"name", "Out"}})}})});
        const std::string target = "/_matrix/federation/v2/invite/!outside:peer.test/" + FederationPeer::id_of(pdu);
        body["event"] = std::move(pdu);
        return peer.ask("PUT", target, boost::json::serialize(body));
    }
};

TEST_F(FederatedInviteTest, AnInvitationFromOutsideReachesTheUserAndComesBackSigned) {
    begin();
    const std::string since = get("/sync", alice).text("next_batch");
    const Answer answer = invite(invitation("@alice:hs.test"));
    ASSERT_EQ(answer.status, 200) << answer.body;
    const object& signatures = answer.body.at("event").at("signatures").as_object();
    EXPECT_TRUE(signatures.contains("hs.test"));
    EXPECT_TRUE(signatures.contains("peer.test"));
    EXPECT_EQ(asked(true), (Texts{"should_drop_federated_event", "check_event_for_spam", "federated_user_may_invite",
                                  "user_may_invite", "on_new_event"}));
    for (const std::string& path : {std::string("/sync"), "/sync?since=" + since}) {
        const Answer sync = get(path, alice);
        const boost::json::array& events =
            sync.body.at("rooms").at("invite").at("!outside:peer.test").at("invite_state").at("events").as_array();
        ASSERT_EQ(events.size(), 2U) << path;
        EXPECT_EQ(events[0].at("content").at("name"), "Out");
        EXPECT_EQ(events[1].at("sender"), "@carol:peer.test");
    }
    expect_error(post("/join/!outside:peer.test", "{}", alice), 404, "M_NOT_FOUND", "No known servers");
    EXPECT_EQ(post("/rooms/!outside:peer.test/leave", "{}", alice).status, 200);
    EXPECT_TRUE(get("/sync", alice).body.at("rooms").at("invite").as_object().empty());
    EXPECT_TRUE(get("/sync?since=" + since, alice).body.at("rooms").at("leave").as_object().contains("!outside:peer.test"));
    EXPECT_EQ(post("/rooms/!outside:peer.test/leave", "{}", alice).status, 404);
}

TEST_F(FederatedInviteTest, OneThatIsKnownIsSignedAgainAndAsksNoModuleAgain) {
    ASSERT_EQ(invite(invitation("@alice:hs.test")).status, 200);
    begin();
    const Answer again = invite(invitation("@alice:hs.test"));
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_TRUE(again.body.at("event").at("signatures").as_object().contains("hs.test"));
    EXPECT_EQ(asked(false), Texts{});
}

TEST_F(FederatedInviteTest, ModulesMayRefuseIt) {
    const std::string guarded = server.register_user("noinvite1");
    const Answer refused = invite(invitation("@noinvite1:hs.test"));
    expect_error(refused, 403, "M_FORBIDDEN", "This user is not permitted to send invites to this server/user");
    EXPECT_EQ(refused.text("org.example.by"), "a");
    EXPECT_TRUE(get("/sync", guarded).body.at("rooms").at("invite").as_object().empty());
}

TEST_F(FederatedInviteTest, ModulesMayRefuseItForTheWholeEventAndNobodyIsAskedAboutTheUsersThen) {
    begin();
    expect_error(invite(invitation("@alice:hs.test", "noinvite1")), 403, "M_FORBIDDEN",
                 "This user is not permitted to send invites to this server/user");
    EXPECT_EQ(asked(false), (Texts{"should_drop_federated_event", "check_event_for_spam"})) << "module a has refused it";
    EXPECT_TRUE(get("/sync", alice).body.at("rooms").at("invite").as_object().empty());
}

TEST_F(FederatedInviteTest, ModulesMayDropItBeforeItsSignatureIsLookedAt) {
    object dropped = invitation("@alice:hs.test");
    dropped.at("content").as_object()["body"] = "drop me";
    expect_error(invite(dropped), 403, "M_UNKNOWN", "M_FORBIDDEN");
    begin();
    object of_stranger = dropped;
    of_stranger["sender"] = "@carol:stranger.test";
    expect_error(invite(of_stranger), 403, "M_UNKNOWN", "M_FORBIDDEN");
    EXPECT_EQ(asked(false), Texts{}) << "module a has dropped it";
    EXPECT_TRUE(get("/sync", alice).body.at("rooms").at("invite").as_object().empty());
}

TEST_F(FederatedInviteTest, InvitationsThatCannotBeAreRefused) {
    EXPECT_EQ(invite(invitation("@nobody:hs.test")).text("errcode"), "M_NOT_FOUND");
    EXPECT_EQ(invite(invitation("@alice:elsewhere.test")).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(invite(invitation("@alice:hs.test"), "9").text("errcode"), "M_INCOMPATIBLE_ROOM_VERSION");
    object message = invitation("@alice:hs.test");
    message["type"] = "m.room.message";
    EXPECT_EQ(invite(message).text("errcode"), "M_BAD_JSON");
    object stranger = invitation("@alice:hs.test");
    stranger["sender"] = "@carol:stranger.test";
    EXPECT_EQ(invite(stranger).text("errcode"), "M_FORBIDDEN");
    EXPECT_TRUE(get("/sync", alice).body.at("rooms").at("invite").as_object().empty());
}

TEST_F(FederationTest, AnEventOfTheGreatestDepthDoesNotSilenceTheRoom) {
    join();
    peer.depth = (std::int64_t{1} << 53) - 2;
    EXPECT_TRUE(peer.send_one(peer.message("from the deep")).empty());
    EXPECT_EQ(send(room, "still here", alice).status, 200);
    EXPECT_EQ(seen_by_alice().front(), "still here");
}

class FederatedAdminTest : public AdminServer {
protected:
    FederatedAdminTest() : AdminServer(FederationPeer::configuration()) {}
};

TEST_F(FederatedAdminTest, ShuttingARoomDownSpeaksForNoUserOfAnotherServer) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    FederationPeer peer{server};
    EXPECT_EQ(peer.join(room, "carol").status, 200);
    const Answer answer = admin("DELETE", "/v1/rooms/" + room, "{}");
    EXPECT_EQ(boost::json::serialize(answer.body.at("kicked_users")), R"(["@alice:hs.test"])");
    EXPECT_TRUE(answer.body.at("failed_to_kick_users").as_array().empty());
}

TEST_F(FederationTest, ARestrictedRoomLetsUsersOfOtherServersInAsItDoesOwnOnes) {
    const std::string space = create_room(alice, R"({"preset":"public_chat"})");
    const std::string rules = R"({"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":")" + space + "\"}]}";
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.join_rules", rules, alice).status, 200);
    const std::string refusal = "You do not belong to any of the required rooms/spaces to join this room.";
    expect_error(peer.join(room, "carol"), 403, "M_FORBIDDEN", refusal);
    object content;
    content["membership"] = "join";
    content["join_authorised_via_users_server"] = "@alice:hs.test";
    object forged = peer.unsigned_event("m.room.member", content);
    forged["state_key"] = peer.user;
    forged["prev_events"] = boost::json::array();
    EXPECT_EQ(peer.send_one(forged).at("error"), "The join isn't signed by the server of @alice:hs.test");
    FederationPeer::sign(forged);
    const std::string path = "/_matrix/federation/v2/send_join/" + room + "/" + FederationPeer::id_of(forged);
    expect_error(peer.ask("PUT", path, boost::json::serialize(forged)), 403, "M_FORBIDDEN", refusal);

    EXPECT_EQ(peer.join(space, "carol").status, 200);
    const Answer joined = peer.join(room, "carol");

    ASSERT_EQ(joined.status, 200) << joined.body;
    const object& event = joined.body.at("event").as_object();
    EXPECT_EQ(event.at("content").at("join_authorised_via_users_server"), "@alice:hs.test");
    EXPECT_TRUE(event.at("signatures").as_object().contains("hs.test"));
    EXPECT_TRUE(peer.send_one(peer.message("hello")).empty());
}

/// A module that makes events for those of the other server, and waits where a test says so.
struct FederationGates {
    TemporaryFolder gates;
};
class DecidedFederationTest : protected FederationGates, public FederationTest {
protected:
    DecidedFederationTest()
        : FederationTest("modules:\n  - {module: deciding.Deciding, config: {gates: '" + gates.path().string() + "'}}\n") {}

    [[nodiscard]] std::filesystem::path gate(const std::string& what) const { return gates.path() / ("hold " + what); }
    /// A message of the peer for which the module invites dave in alice's name.
    [[nodiscard]] object inviting(const std::string& body) const {
        object event = peer.message(body);
        event.at("content").as_object()["org.test"] = object{{"invite", "@dave:hs.test"}, {"as", "@alice:hs.test"}};
        return event;
    }
    [[nodiscard]] std::string name_of_dave() const {
        return get("/rooms/" + room + "/state/m.room.member/@dave:hs.test", alice).text("displayname");
    }
    /// The room's turn, as another process has it that doesn't end it for `length`.
    void take_turn(std::chrono::milliseconds length) const {
        const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now().time_since_epoch());
        Taking taking{room, (now + length).count()};
        const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
        database->run_blocking("take_turn", &Taking::run, &taking);
    }

    std::string dave = server.register_user("dave");

private:
    struct Taking {
        std::string room;
        std::int64_t ends_ms = 0;
        static void run(modapi::Transaction& transaction, void* taking) {
            const auto& [room, ends_ms] = *static_cast<Taking*>(taking);
            transaction.execute("INSERT INTO turns (what, holder, ends_ms) VALUES (?, 'another process', ?)",
                                homeserver::turn_at_events_of(room), ends_ms);
        }
    };
};

TEST_F(DecidedFederationTest, WhatAModuleMadeForAnEventIsMadeAnewIfItIsntSoAnyMore) {
    join();
    EXPECT_TRUE(peer.send_one(peer.message("first")).empty());
    std::ofstream(gate("after outer")) << '\n';
    std::future<object> sending = std::async(std::launch::async, [&] { return peer.send_one(inviting("outer")); });
    ASSERT_TRUE(server.log_shows("waits at after outer")) << server.log();
    EXPECT_EQ(put("/profile/@dave:hs.test/displayname", R"({"displayname":"David"})", dave).status, 200);
    std::filesystem::remove(gate("after outer"));
    EXPECT_TRUE(sending.get().empty());
    EXPECT_EQ(name_of_dave(), "David");
    Texts seen = seen_by_alice();
    seen.resize(3);
    EXPECT_EQ(seen, (Texts{"outer", "m.room.member", "first"})) << "what was made for it comes before it, and once";
}

TEST_F(DecidedFederationTest, WhatAModuleMakesForAnEventWaitsForTheRoomsTurnIfItIsState) {
    join();
    constexpr std::chrono::milliseconds length(4000);
    const auto began = std::chrono::steady_clock::now();
    take_turn(length);
    EXPECT_TRUE(peer.send_one(peer.message("no state")).empty());
    EXPECT_LT(std::chrono::steady_clock::now() - began, length) << "a message changes nothing that others judge on";
    EXPECT_TRUE(peer.send_one(inviting("with state")).empty());
    EXPECT_GE(std::chrono::steady_clock::now() - began, length);
    EXPECT_EQ(name_of_dave(), "dave");
}

}  // namespace
