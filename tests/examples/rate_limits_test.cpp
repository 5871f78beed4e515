#include "admin_server.h"
#include "federation_peer.h"
#include "module_api_test.h"
#include "room_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

/// What a server refuses because it comes too often, over real HTTP. The rates are such that nothing drains while a test runs.
namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

void expect_limited(const Answer& answer) {
    expect_error(answer, 429, "M_LIMIT_EXCEEDED", "Too Many Requests");
    const boost::json::value* const after = answer.body.if_contains("retry_after_ms");
    ASSERT_NE(after, nullptr) << answer.body;
    EXPECT_GT(after->as_int64(), 0);
    EXPECT_EQ(answer.header("Retry-After"), std::to_string((after->as_int64() + 999) / 1000));
    EXPECT_NE(answer.header("Access-Control-Expose-Headers").find("Retry-After"), std::string::npos) << "a browser may read it";
}

std::string limit(const std::string& key, int burst_count) {
    return key + ": {per_second: 0.0001, burst_count: " + std::to_string(burst_count) + "}";
}

std::string password_login(const std::string& user, const std::string& password) {
    return R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":")" + user + R"("},"password":")" + password +
           "\"}";
}

class MessageRatesTest : public AdminServer {
protected:
    MessageRatesTest() : AdminServer(limit("rc_message", 4) + "\n", 2) {}

    [[nodiscard]] Answer send_as(const std::string& transaction, const std::string& text, const std::string& token) const {
        return put("/rooms/" + room + "/send/m.room.message/" + transaction, R"({"msgtype":"m.text","body":")" + text + "\"}",
                   token);
    }

    std::string alice = server.register_user("alice");
    std::string bob = server.register_user("bob");
    std::string room = create_room(alice, R"({"preset":"public_chat"})");  // the first of alice's four
};

TEST_F(MessageRatesTest, MessagesStateRedactionsAndNewRoomsCountTogether) {
    const std::string event_id = send(room, "2", alice).text("event_id");
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"3"})", alice).status, 200);
    EXPECT_EQ(put("/rooms/" + room + "/redact/" + event_id + "/4", "{}", alice).status, 200);
    expect_limited(send(room, "5", alice));
    expect_limited(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"5"})", alice));
    expect_limited(put("/rooms/" + room + "/state/m.room.canonical_alias", "{}", alice));
    expect_limited(put("/rooms/" + room + "/redact/" + event_id + "/5", "{}", alice));
    expect_limited(post("/createRoom", "{}", alice));
    EXPECT_EQ(get("/joined_rooms", alice).body.at("joined_rooms").as_array().size(), 1U);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(send(room, "others aren't concerned", bob).status, 200);
}

TEST_F(MessageRatesTest, WhatIsRefusedOrSentAlreadyDoesNotCount) {
    EXPECT_EQ(put("/rooms/!unknown:hs.test/send/m.room.message/x", R"({"body":"x"})", alice).status, 403);
    EXPECT_EQ(put("/rooms/" + room + "/redact/$unknown/x", "{}", alice).status, 404);
    const Answer first = send_as("a", "2", alice);
    EXPECT_EQ(first.status, 200);
    for (int number = 0; number < 3; ++number) EXPECT_EQ(send_as("a", "2", alice).text("event_id"), first.text("event_id"));
    const std::string topic = "/rooms/" + room + "/state/m.room.topic";
    EXPECT_EQ(put(topic, R"({"topic":"3"})", alice).status, 200);
    for (int number = 0; number < 3; ++number) EXPECT_EQ(put(topic, R"({"topic":"3"})", alice).status, 200);
    const Answer redaction = put("/rooms/" + room + "/redact/" + first.text("event_id") + "/b", "{}", alice);
    EXPECT_EQ(redaction.status, 200) << "the fourth";
    expect_limited(send_as("c", "5", alice));
    EXPECT_EQ(send_as("a", "2", alice).text("event_id"), first.text("event_id")) << "whoever lost the answer gets it";
    EXPECT_EQ(put("/rooms/" + room + "/redact/" + first.text("event_id") + "/b", "{}", alice).text("event_id"),
              redaction.text("event_id"));
}

TEST_F(MessageRatesTest, ManyMessagesAtOnceAreNoMoreThanABurst) {
    Texts paths;
    for (int number = 0; number < 20; ++number)
        paths.push_back("/rooms/" + room + "/send/m.room.message/" + std::to_string(number));
    const Texts answers = sent_at_once("PUT", paths, R"({"msgtype":"m.text","body":"at once"})", alice);
    EXPECT_EQ(std::count_if(answers.begin(), answers.end(),
                            [](const std::string& answer) { return answer.starts_with("HTTP/1.1 200"); }),
              3)
        << "on two workers";
}

TEST_F(MessageRatesTest, ServerAdminsAreNotLimited) {
    EXPECT_EQ(post("/join/" + room, "{}", root).status, 200);
    for (int number = 0; number < 10; ++number) EXPECT_EQ(send(room, "by an admin", root).status, 200);
    EXPECT_EQ(post("/createRoom", "{}", root).status, 200);
}

TEST_F(MessageRatesTest, OtherMembershipsCountAsMessagesButNobodyWaitsToLeave) {
    const auto ban = [&](const std::string& what) {
        return post("/rooms/" + room + "/" + what, R"({"user_id":"@carol:hs.test"})", alice);
    };
    EXPECT_EQ(ban("ban").status, 200);
    EXPECT_EQ(ban("unban").status, 200);
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.member/@alice:hs.test", R"({"membership":"join","a":1})", alice).status,
              200)
        << "the fourth: who is in the room says something new";
    expect_limited(ban("ban"));
    expect_limited(put("/rooms/" + room + "/state/m.room.member/@alice:hs.test", R"({"membership":"join","a":2})", alice));
    expect_limited(put("/rooms/" + room + "/state/m.room.member/@carol:hs.test", R"({"membership":"ban"})", alice));
    EXPECT_EQ(put("/profile/@alice:hs.test/displayname", R"({"displayname":"Al"})", alice).status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.member/@alice:hs.test", alice).text("displayname"), "Al")
        << "a changed profile is told to all rooms";
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", alice).status, 200);
}

class RateOverridesTest : public MessageRatesTest {
protected:
    [[nodiscard]] Answer of_alice(const std::string& method, const std::string& body = {}) const {
        return admin(method, "/v1/users/@alice:hs.test/override_ratelimit", body);
    }
    static std::string text(const Answer& answer) { return boost::json::serialize(answer.body); }
};

TEST_F(RateOverridesTest, AnAdminFreesAUserOfLimitsOrLimitsThemOtherwise) {
    EXPECT_EQ(text(of_alice("GET")), "{}");
    for (int number = 0; number < 3; ++number) EXPECT_EQ(send(room, "as others", alice).status, 200);
    expect_limited(send(room, "as others", alice));
    const std::string none = R"({"messages_per_second":0,"burst_count":0})";
    EXPECT_EQ(text(of_alice("POST", "{}")), none);
    EXPECT_EQ(text(of_alice("GET")), none);
    for (int number = 0; number < 10; ++number) EXPECT_EQ(send(room, "on any worker", alice).status, 200);
    EXPECT_EQ(text(of_alice("POST", R"({"messages_per_second":1000000,"burst_count":1000})")),
              R"({"messages_per_second":1000000,"burst_count":1000})");
    for (int number = 0; number < 10; ++number) EXPECT_EQ(send(room, "much", alice).status, 200);
    EXPECT_EQ(of_alice("POST", R"({"messages_per_second":1})").status, 200);
    expect_limited(send(room, "a burst of none", alice));
    EXPECT_EQ(text(of_alice("DELETE")), "{}");
    EXPECT_EQ(text(of_alice("GET")), "{}");
    EXPECT_EQ(text(of_alice("DELETE")), "{}") << "there is none already";
}

TEST_F(RateOverridesTest, RefusesWhatIsNoLimit) {
    for (const char* const bad : {"-1", "1.5", "\"1\"", "null", "true", "18446744073709551615"}) {
        for (const char* const key : {"messages_per_second", "burst_count"}) {
            expect_error(of_alice("POST", std::string("{\"") + key + "\":" + bad + "}"), 400, "M_INVALID_PARAM",
                         std::string("'") + key + "' must be an integer, 0 or more");
        }
    }
    EXPECT_EQ(text(of_alice("GET")), "{}");
    for (const char* const method : {"GET", "POST", "DELETE"}) {
        expect_error(admin(method, "/v1/users/@nobody:hs.test/override_ratelimit", "{}"), 404, "M_NOT_FOUND", "User not found");
        EXPECT_EQ(admin(method, "/v1/users/@alice:elsewhere.test/override_ratelimit", "{}").status, 400);
        expect_error(server.request(method, "/_synapse/admin/v1/users/@alice:hs.test/override_ratelimit", "{}", alice), 403,
                     "M_FORBIDDEN", "You are not a server admin");
    }
}

class RegistrationRatesTest : public RoomTest {
protected:
    RegistrationRatesTest() : RoomTest(limit("rc_registration", 2) + "\n") {}
    [[nodiscard]] Answer sign_up(const std::string& name) const {
        return post("/register", R"({"username":")" + name + R"(","password":"pw","auth":{"type":"m.login.dummy"}})", {});
    }
};

TEST_F(RegistrationRatesTest, OneAddressMakesNoMoreAccountsThanABurst) {
    EXPECT_EQ(sign_up("alice").status, 200);
    for (int number = 0; number < 5; ++number) {
        EXPECT_EQ(sign_up("alice").text("errcode"), "M_USER_IN_USE") << "which makes no account";
        EXPECT_EQ(post("/register", R"({"username":"bob","password":"pw"})", {}).status, 401) << "nor does this, yet";
    }
    EXPECT_EQ(sign_up("bob").status, 200);
    expect_limited(sign_up("carol"));
    expect_limited(post("/register", "{}", {}));
    EXPECT_EQ(get("/register/available?username=carol", {}).status, 200);
}

class LoginRatesTest : public AdminServer {
protected:
    explicit LoginRatesTest(const std::string& limits) : AdminServer("rc_login:\n" + limits) {}
    [[nodiscard]] Answer log_in(const std::string& user, const std::string& password) const {
        return post("/login", password_login(user, password), {});
    }
    [[nodiscard]] Answer log_in(const std::string& user) const { return log_in(user, "secret of " + user); }

    std::string alice = server.register_user("alice");
    std::string bob = server.register_user("bob");
};

class AddressLoginRatesTest : public LoginRatesTest {
protected:
    AddressLoginRatesTest()
        : LoginRatesTest("  " + limit("address", 3) + "\n  account: {per_second: 0}\n  failed_attempts: {per_second: 0}\n") {}
};

TEST_F(AddressLoginRatesTest, OneAddressTriesToLogInNoMoreOftenThanABurst) {
    for (int number = 0; number < 5; ++number) EXPECT_EQ(post("/login", "{}", {}).status, 400) << "no login";
    EXPECT_EQ(log_in("alice").status, 200);
    EXPECT_EQ(log_in("bob", "wrong").status, 403);
    EXPECT_EQ(post("/login", R"({"type":"m.login.token","token":"x"})", {}).status, 403);
    expect_limited(log_in("bob"));
    EXPECT_EQ(get("/login", {}).status, 200);
}

class AccountLoginRatesTest : public LoginRatesTest {
protected:
    AccountLoginRatesTest()
        : LoginRatesTest("  address: {per_second: 0}\n  " + limit("account", 2) + "\n  failed_attempts: {per_second: 0}\n") {}
};

TEST_F(AccountLoginRatesTest, OneUserLogsInNoMoreOftenThanABurst) {
    for (int number = 0; number < 3; ++number) EXPECT_EQ(log_in("alice", "wrong").status, 403) << "nobody logs in by this";
    EXPECT_EQ(log_in("alice").status, 200);
    EXPECT_EQ(log_in("@alice:hs.test", "secret of alice").status, 200);
    expect_limited(log_in("alice"));
    EXPECT_EQ(log_in("bob").status, 200);
    for (int number = 0; number < 4; ++number) EXPECT_EQ(log_in("root", "pw").status, 200) << "an admin";
    EXPECT_EQ(admin("POST", "/v1/users/@alice:hs.test/override_ratelimit", "{}").status, 200);
    EXPECT_EQ(log_in("alice").status, 200) << "freed of limits";
}

class FailedLoginRatesTest : public LoginRatesTest {
protected:
    FailedLoginRatesTest()
        : LoginRatesTest("  address: {per_second: 0}\n  account: {per_second: 0}\n  " + limit("failed_attempts", 3) + "\n") {}
};

TEST_F(FailedLoginRatesTest, OnesPasswordIsGuessedNoMoreOftenThanABurst) {
    for (int number = 0; number < 5; ++number) EXPECT_EQ(log_in("alice").status, 200) << "which don't fail";
    EXPECT_EQ(log_in("alice", "wrong").status, 403);
    EXPECT_EQ(log_in("@alice:hs.test", "wrong").status, 403);
    EXPECT_EQ(log_in("ALICE", "wrong").status, 403) << "however they are spelled";
    expect_limited(log_in("alice", "wrong"));
    expect_limited(log_in("alice"));
    EXPECT_EQ(log_in("bob").status, 200);
    EXPECT_EQ(admin("POST", "/v1/users/@alice:hs.test/override_ratelimit", "{}").status, 200);
    expect_limited(log_in("alice"));  // it is not alice who is limited, but who guesses
}

TEST_F(FailedLoginRatesTest, WhoIsNotThereIsGuessedNoMoreOftenEither) {
    for (int number = 0; number < 3; ++number) EXPECT_EQ(log_in("nobody", "x").status, 403);
    expect_limited(log_in("nobody", "x"));
    const std::string by_mail =
        R"({"type":"m.login.password","identifier":{"type":"m.id.thirdparty","medium":"email","address":"a@b.test"},)"
        R"("password":"x"})";
    for (int number = 0; number < 3; ++number) EXPECT_EQ(post("/login", by_mail, {}).status, 403);
    expect_limited(post("/login", by_mail, {}));
}

TEST_F(FailedLoginRatesTest, GuessesAtOnceAreNoMoreThanABurst) {
    const Texts answers = sent_at_once("POST", Texts(12, "/login"), password_login("alice", "wrong"), {});
    EXPECT_EQ(std::count_if(answers.begin(), answers.end(),
                            [](const std::string& answer) { return answer.starts_with("HTTP/1.1 403"); }),
              3);
}

TEST_F(FailedLoginRatesTest, WhoProvesThemselvesAgainGuessesNoMoreOften) {
    const auto prove = [&](const std::string& password) {
        return post("/account/deactivate", R"({"auth":)" + password_login("alice", password) + "}", alice);
    };
    for (int number = 0; number < 3; ++number) EXPECT_EQ(prove("wrong").status, 401);
    expect_limited(prove("wrong"));
    expect_limited(prove("secret of alice"));
}

class JoinRatesTest : public AdminServer {
protected:
    JoinRatesTest()
        : AdminServer("rc_joins:\n  " + limit("local", 2) + "\n  " + limit("remote", 1) +
                      "\nmodules: [{module: probe.Probe, config: {name: a}}]\n") {
        for (std::string& room : rooms) room = create_room(alice, R"({"preset":"public_chat"})");
    }

    std::string alice = server.register_user("alice");
    std::string bob = server.register_user("bob");
    std::string rooms[3];
};

TEST_F(JoinRatesTest, AUserJoinsRoomsNoMoreOftenThanABurst) {
    EXPECT_EQ(post("/join/" + rooms[0], "{}", bob).status, 200);
    for (int number = 0; number < 5; ++number) EXPECT_EQ(post("/join/" + rooms[0], "{}", bob).status, 200) << "who is there";
    EXPECT_EQ(put("/rooms/" + rooms[1] + "/state/m.room.member/@bob:hs.test", R"({"membership":"join"})", bob).status, 200);
    static_cast<void>(server.request("GET", "/_synapse/client/probe/a?clear=1"));
    expect_limited(post("/join/" + rooms[2], "{}", bob));
    expect_limited(put("/rooms/" + rooms[2] + "/state/m.room.member/@bob:hs.test", R"({"membership":"join"})", bob));
    const Answer journal = server.request("GET", "/_synapse/client/probe/a");
    for (const boost::json::value& record : journal.body.at("journal").as_array())
        EXPECT_NE(record.at("callback"), "user_may_join_room") << "no module is asked about it";
    for (const std::string& room : rooms) EXPECT_EQ(post("/join/" + room, "{}", root).status, 200) << "an admin";
    EXPECT_EQ(admin("POST", "/v1/users/@bob:hs.test/override_ratelimit", "{}").status, 200);
    EXPECT_EQ(post("/join/" + rooms[2], "{}", bob).status, 200) << "freed of limits";
}

TEST_F(JoinRatesTest, RoomsThatThisServerIsNotInHaveALimitOfTheirOwn) {
    EXPECT_EQ(post("/join/!far:away.test", "{}", bob).status, 404);
    expect_limited(post("/join/!far:away.test", "{}", bob));
    expect_limited(post("/rooms/!farther:away.test/join", "{}", bob));
    EXPECT_EQ(post("/join/" + rooms[0], "{}", bob).status, 200);
}

class InviteRatesTest : public ProbedAdminServer {
protected:
    InviteRatesTest()
        : ProbedAdminServer("{name: a}", "rc_invites:\n  " + limit("per_room", 2) + "\n  " + limit("per_user", 3) + "\n  " +
                                             limit("per_issuer", 4) + "\n" + FederationPeer::configuration()) {}

    [[nodiscard]] Answer invite(const std::string& room, const std::string& user, const std::string& by) const {
        return post("/rooms/" + room + "/invite", R"({"user_id":"@)" + user + R"(:hs.test"})", by);
    }
    [[nodiscard]] Answer invite_by_mail(const std::string& room, const std::string& address, const std::string& by) const {
        return post("/rooms/" + room + "/invite", R"({"id_server":"x","medium":"email","address":")" + address + R"("})", by);
    }
    /// The callbacks that the probe has seen since this was last asked, but for those that every request asks, or none.
    [[nodiscard]] Texts asked_of_modules() const {
        Texts callbacks = asked();
        for (const char* const other : {"on_new_event", "is_user_expired", "get_ratelimit_override_for_user"})
            std::erase(callbacks, other);
        return callbacks;
    }

    /// An invitation of another server: path and body of the request.
    [[nodiscard]] std::pair<std::string, std::string> invitation(const std::string& room, const std::string& user,
                                                                 const std::string& by = "carol") {
        boost::json::object pdu;
        pdu["room_id"] = room;
        pdu["type"] = "m.room.member";
        pdu["sender"] = "@" + by + ":peer.test";
        pdu["state_key"] = "@" + user + ":hs.test";
        pdu["content"] = boost::json::object({{"membership", "invite"}});
        pdu["origin_server_ts"] = ++invitations;
        pdu["depth"] = 5;
        pdu["prev_events"] = boost::json::array({"$before"});
        pdu["auth_events"] = boost::json::array({"$create"});
        FederationPeer::sign(pdu);
        const std::string target = "/_matrix/federation/v2/invite/" + room + "/" + FederationPeer::id_of(pdu);
        boost::json::object body;
        body["room_version"] = "10";
        body["event"] = std::move(pdu);
        return std::pair(target, boost::json::serialize(body));
    }

    std::string alice = server.register_user("alice");
    std::string bob = server.register_user("bob");
    int invitations = 0;
};

TEST_F(InviteRatesTest, ARoomInvitesNoMoreOftenThanABurstAndNoModuleIsAskedAboutMore) {
    const std::string room = create_room(alice);
    EXPECT_EQ(invite(room, "bob", alice).status, 200);
    EXPECT_EQ(invite(room, "carol", alice).status, 200);
    static_cast<void>(asked_of_modules());
    expect_limited(invite(room, "dave", alice));
    expect_limited(put("/rooms/" + room + "/state/m.room.member/@dave:hs.test", R"({"membership":"invite"})", alice));
    expect_limited(invite_by_mail(room, "dave@hs.test", alice));
    EXPECT_EQ(asked_of_modules(), Texts{"user_may_send_state_event"}) << "which is asked before all else";
    const std::string other = create_room(alice);
    EXPECT_EQ(invite(other, "dave", alice).status, 200) << "what a room refused doesn't count for dave and alice";
    EXPECT_EQ(invite(other, "erin", alice).status, 200);
}

TEST_F(InviteRatesTest, AUserIsInvitedNoMoreOftenThanABurst) {
    const std::string rooms[] = {create_room(alice), create_room(alice)};
    for (const std::string& room : rooms) EXPECT_EQ(invite(room, "carol", alice).status, 200);
    const std::string room = create_room(bob);
    EXPECT_EQ(invite(room, "carol", bob).status, 200);
    expect_limited(invite(create_room(bob), "carol", bob));
    EXPECT_EQ(invite(room, "dave", bob).status, 200);
    EXPECT_EQ(post("/join/" + create_room(root, R"({"preset":"public_chat","invite":["@carol:hs.test"]})"), "{}", bob).status,
              200)
        << "a server admin invites whom they like";
}

TEST_F(InviteRatesTest, AUserInvitesNoMoreOftenThanABurstAlsoIntoNewRooms) {
    EXPECT_EQ(post("/createRoom",
                   R"({"invite":["@b:hs.test","@c:hs.test"],)"
                   R"("invite_3pid":[{"id_server":"x","medium":"email","address":"d@hs.test"}]})",
                   alice)
                  .status,
              200)
        << "three";
    const std::string room = create_room(alice);
    expect_limited(post("/createRoom", R"({"invite":["@b:hs.test","@c:hs.test"]})", alice));
    EXPECT_EQ(get("/joined_rooms", alice).body.at("joined_rooms").as_array().size(), 2U);
    EXPECT_EQ(invite_by_mail(room, "e@hs.test", alice).status, 200) << "the fourth";
    expect_limited(invite(room, "f", alice));
    EXPECT_EQ(admin("POST", "/v1/users/@alice:hs.test/override_ratelimit", "{}").status, 200);
    for (const char* const user : {"f", "g", "h"}) EXPECT_EQ(invite(room, user, alice).status, 200) << "freed of limits";
}

TEST_F(InviteRatesTest, WhoMayNotInviteUsesUpNobodysInvitationsButTheirOwn) {
    const std::string room = create_room(alice);
    for (const char* const user : {"carol", "carol", "carol", "dave"}) EXPECT_EQ(invite(room, user, bob).status, 403);
    expect_limited(invite(room, "carol", bob));
    const std::string carol = server.register_user("carol");
    for (int number = 0; number < 4; ++number) EXPECT_EQ(invite_by_mail(room, "x@hs.test", carol).status, 403);
    expect_limited(invite_by_mail(room, "x@hs.test", carol));
    EXPECT_EQ(invite(room, "carol", alice).status, 200);
    EXPECT_EQ(invite(room, "dave", alice).status, 200);
    expect_limited(invite(room, "erin", alice));
}

TEST_F(InviteRatesTest, WhatModulesRefuseCountsForWhoInvitesAlone) {
    const std::string room = create_room(alice);
    for (int number = 0; number < 2; ++number) EXPECT_EQ(invite(room, "noinvite", alice).status, 403);
    EXPECT_EQ(invite_by_mail(room, "noinvite@hs.test", alice).status, 403);
    EXPECT_EQ(invite(room, "carol", alice).status, 200) << "the fourth of alice, the first of the room";
    expect_limited(invite(room, "dave", alice));
    EXPECT_EQ(admin("PUT", "/v2/users/@bob:hs.test", R"({"threepids":[{"medium":"email","address":"bob@hs.test"}]})").status,
              200);
    EXPECT_EQ(admin("PUT", "/v2/users/@noinvite:hs.test",
                    R"({"password":"pw","threepids":[{"medium":"email","address":"other@hs.test"}]})")
                  .status,
              201);
    const std::string erin = server.register_user("erin");
    const std::string erins = create_room(erin);
    for (int number = 0; number < 2; ++number) EXPECT_EQ(invite_by_mail(erins, "other@hs.test", erin).status, 403);
    EXPECT_EQ(invite_by_mail(erins, "bob@hs.test", erin).status, 200) << "whose address is known here";
    EXPECT_EQ(invite(erins, "frank", erin).status, 200) << "the second of the room";
    const std::string gina = server.register_user("gina");
    const std::string ginas = create_room(gina);
    EXPECT_EQ(invite_by_mail(ginas, "bob@hs.test", gina).status, 200);
    EXPECT_EQ(invite_by_mail(ginas, "somebody@hs.test", gina).status, 200);
    expect_limited(invite_by_mail(ginas, "bob@hs.test", gina));  // both of the room's are stored
}

TEST_F(InviteRatesTest, ARoomWithMoreInvitationsThanABurstIsNotToBeTriedAgain) {
    const Answer refused =
        post("/createRoom", R"({"invite":["@b:hs.test","@c:hs.test","@d:hs.test","@e:hs.test","@f:hs.test"]})", alice);
    expect_limited(refused);
    EXPECT_EQ(refused.body.at("retry_after_ms").as_int64(), 2'147'483'647);
    EXPECT_EQ(refused.header("Retry-After"), "2147484");
    EXPECT_EQ(post("/createRoom", R"({"invite":["@b:hs.test","@c:hs.test","@d:hs.test","@e:hs.test"]})", alice).status, 200);
}

class RateCallbackTest : public InviteRatesTest {
protected:
    /// The limits that the probe was asked about, each with its user, since this was last asked.
    [[nodiscard]] Texts limits_asked() const {
        Texts limits;
        const boost::json::array records = journal();
        static_cast<void>(asked());
        for (const boost::json::value& record : records) {
            if (record.at("callback") != "get_ratelimit_override_for_user") continue;
            const boost::json::object& words = record.as_object();
            limits.push_back(std::string(words.at("user_id").as_string()) + " " +
                             std::string(words.at("limiter_name").as_string()));
        }
        return limits;
    }
};

TEST_F(RateCallbackTest, ModulesAreAskedForEachLimitOfAnInvitationAboutWhoInvites) {
    const std::string room = create_room(alice);
    static_cast<void>(limits_asked());
    EXPECT_EQ(invite(room, "bob", alice).status, 200);
    EXPECT_EQ(limits_asked(), (Texts{"@alice:hs.test rc_invites.per_room", "@alice:hs.test rc_invites.per_user",
                                     "@alice:hs.test rc_invites.per_issuer"}));
    EXPECT_EQ(invite_by_mail(room, "x@hs.test", alice).status, 200);
    EXPECT_EQ(limits_asked(), (Texts{"@alice:hs.test rc_invites.per_room", "@alice:hs.test rc_invites.per_issuer"}));
    static_cast<void>(create_room(alice, R"({"invite":["@bob:hs.test","@carol:hs.test"]})"));
    EXPECT_EQ(limits_asked(), Texts{"@alice:hs.test rc_invites.per_issuer"});
    EXPECT_EQ(send(room, "hello", alice).status, 200);
    EXPECT_EQ(post("/join/" + create_room(root, R"({"preset":"public_chat"})"), "{}", alice).status, 200);
    EXPECT_EQ(limits_asked(), Texts()) << "other limits are the configuration's";
    const std::string admins = create_room(root);
    EXPECT_EQ(invite(admins, "bob", root).status, 200);
    EXPECT_EQ(admin("POST", "/v1/users/@alice:hs.test/override_ratelimit", "{}").status, 200);
    EXPECT_EQ(invite(room, "carol", alice).status, 200);
    EXPECT_EQ(limits_asked(), Texts()) << "nor about who isn't limited";
}

TEST_F(RateCallbackTest, AModuleFreesAUserOfTheseLimits) {
    const std::string unlimited = server.register_user("unlimited1");
    const std::string room = create_room(unlimited);
    for (int number = 0; number < 8; ++number) EXPECT_EQ(invite(room, "user" + std::to_string(number), unlimited).status, 200);
    for (int number = 0; number < 5; ++number)
        static_cast<void>(create_room(unlimited, R"({"invite":["@dave:hs.test","@erin:hs.test"]})"));
    const std::string other = create_room(alice);
    EXPECT_EQ(invite(other, "dave", alice).status, 200) << "what isn't limited doesn't count for others";
}

TEST_F(RateCallbackTest, AnotherLimitOfAnIssuerChangesNothingForOthers) {
    const std::string inviting = server.register_user("inviting1");
    const std::string room = create_room(alice, R"({"preset":"public_chat","power_level_content_override":{"invite":0}})");
    EXPECT_EQ(post("/join/" + room, "{}", inviting).status, 200);
    EXPECT_EQ(invite(room, "user0", inviting).status, 200);
    EXPECT_EQ(invite(room, "user1", alice).status, 200);
    for (int number = 2; number < 7; ++number)
        EXPECT_EQ(invite(room, "user" + std::to_string(number), inviting).status, 200) << number;
    expect_limited(invite(room, "user7", inviting));
    EXPECT_EQ(invite(room, "user7", alice).status, 200) << "the second that the room has for all";
    expect_limited(invite(room, "user8", alice));
    const std::string other = server.register_user("inviting2");
    EXPECT_EQ(post("/join/" + room, "{}", other).status, 200);
    expect_limited(invite(room, "user8", other));  // who have the same limit share it
}

TEST_F(InviteRatesTest, OtherServersInviteNoMoreOftenThanABurst) {
    const FederationPeer peer(server);
    const auto [target, body] = invitation("!a:peer.test", "alice");
    EXPECT_EQ(peer.ask("PUT", target, body).status, 200);
    for (int again = 0; again < 3; ++again) EXPECT_EQ(peer.ask("PUT", target, body).status, 200) << "one that is known";
    const auto [second, second_body] = invitation("!a:peer.test", "bob");
    EXPECT_EQ(peer.ask("PUT", second, second_body).status, 200);
    static_cast<void>(asked_of_modules());
    const auto [third, third_body] = invitation("!a:peer.test", "alice");
    expect_limited(peer.ask("PUT", third, third_body));
    EXPECT_EQ(asked_of_modules(), Texts());
    for (const char* const room : {"!b:peer.test", "!c:peer.test"}) {
        const auto [path, content] = invitation(room, "alice");
        EXPECT_EQ(peer.ask("PUT", path, content).status, 200) << room;
    }
    const auto [last, last_body] = invitation("!d:peer.test", "alice");
    expect_limited(peer.ask("PUT", last, last_body));
}

TEST_F(InviteRatesTest, InvitationsOfOtherServersThatAreRefusedCountForNobody) {
    const FederationPeer peer(server);
    for (int number = 0; number < 4; ++number) {
        const auto [path, content] = invitation("!a:peer.test", "alice", "noinvite");
        EXPECT_EQ(peer.ask("PUT", path, content).status, 403) << "by a module";
        const auto [to_nobody, to_nobody_content] = invitation("!a:peer.test", "nobody");
        EXPECT_EQ(peer.ask("PUT", to_nobody, to_nobody_content).status, 404);
    }
    for (const char* const user : {"alice", "bob"}) {
        const auto [path, content] = invitation("!a:peer.test", user);
        EXPECT_EQ(peer.ask("PUT", path, content).status, 200) << user;
    }
    const auto [last, last_content] = invitation("!a:peer.test", "alice");
    expect_limited(peer.ask("PUT", last, last_content));
}

class ModuleRatesTest : public ModuleApiServer {
protected:
    ModuleRatesTest()
        : ModuleApiServer(limit("rc_message", 2) + "\nrc_joins: {" + limit("local", 1) + "}\nrc_invites: {" +
                          limit("per_room", 1) + ", " + limit("per_user", 1) + ", " + limit("per_issuer", 1) + "}\n") {}
};

TEST_F(ModuleRatesTest, WhatModulesDoIsNotLimitedButForRoomsThatCountAsAUsers) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room =
        result("create_room", R"(["@alice:hs.test",{"preset":"public_chat"},false])").at(0).as_string().c_str();
    for (int number = 0; number < 5; ++number) {
        const std::string event = R"([{"type":"m.room.message","room_id":")" + room +
                                  R"(","sender":"@alice:hs.test","content":{"msgtype":"m.text","body":"x"}}])";
        EXPECT_TRUE(result("create_and_send_event_into_room", event).is_object());
        const std::string user = "\"@user" + std::to_string(number) + ":hs.test\"";
        EXPECT_TRUE(
            result("update_room_membership", R"(["@alice:hs.test",)" + user + ",\"" + room + R"(","invite"])").is_object());
        EXPECT_TRUE(
            result("create_room", R"(["@alice:hs.test",{"invite":["@bob:hs.test","@carol:hs.test"]},false])").is_array());
    }
    EXPECT_TRUE(result("create_room", R"(["@alice:hs.test",{},true])").is_array());
    EXPECT_EQ(send(room, "by alice", alice).status, 200) << "her second";
    EXPECT_EQ(error_text(call("create_room", R"(["@alice:hs.test",{},true])")), "429 M_LIMIT_EXCEEDED Too Many Requests");
    expect_limited(send(room, "by alice", alice));
    EXPECT_TRUE(result("create_room", R"(["@alice:hs.test",{},false])").is_array());
    for (int number = 0; number < 3; ++number)
        EXPECT_TRUE(result("create_room", R"(["@root:hs.test",{},true])").is_array()) << "a server admin's";
    EXPECT_EQ(error_text(call("create_room", R"(["@bob:hs.test",{"invite":["@c:hs.test","@d:hs.test"]},true])")),
              "429 M_LIMIT_EXCEEDED Too Many Requests");
}

}  // namespace
