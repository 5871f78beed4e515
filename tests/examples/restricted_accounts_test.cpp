#include "gate_test.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

/// What the users of locked and of suspended accounts can't do, also if that comes to be while a module is asked.
namespace {

using namespace homeserver_test;

class RestrictedAccountTest : public GateServer {
protected:
    RestrictedAccountTest() : GateServer(2), room(public_room(bob)) { join(room, alice); }

    void lock(const std::string& user, bool locked) const {
        const std::string body = std::string(R"({"locked":)") + (locked ? "true" : "false") + "}";
        const Answer answer = admin("PUT", "/v2/users/@" + user + ":hs.test", body);
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.body.at("locked"), locked);
    }
    [[nodiscard]] Answer asked_to_suspend(const std::string& user_id, const std::string& body) const {
        return admin("PUT", "/v1/suspend/" + user_id, body);
    }
    void suspend(const std::string& user, bool suspended) const {
        const Answer answer =
            asked_to_suspend("@" + user + ":hs.test", std::string(R"({"suspend":)") + (suspended ? "true" : "false") + "}");
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.body.at("user_@" + user + ":hs.test_suspended"), suspended);
    }
    [[nodiscard]] std::string sent_id(const std::string& text, const std::string& token) {
        return send(room, text, token).text("event_id");
    }
    [[nodiscard]] Answer redact(const std::string& event_id, const std::string& token) {
        return put("/rooms/" + room + "/redact/" + event_id + "/r" + std::to_string(++sent), "{}", token);
    }
    /// Redacts as any event is sent.
    [[nodiscard]] Answer send_redaction(const std::string& content, const std::string& token) {
        return put("/rooms/" + room + "/send/m.room.redaction/s" + std::to_string(++sent), content, token);
    }
    [[nodiscard]] Answer set_own_event(const std::string& content) const {
        return put("/rooms/" + room + "/state/m.room.member/@alice:hs.test", content, alice);
    }
    [[nodiscard]] boost::json::value event(const std::string& event_id) const {
        const Answer answer = get("/rooms/" + room + "/event/" + event_id, bob);
        return answer.body;
    }
    [[nodiscard]] boost::json::value own_event() const {
        const Answer answer = get("/rooms/" + room + "/state/m.room.member/@alice:hs.test", bob);
        return answer.body;
    }
    [[nodiscard]] Answer set_presence(const std::string& content) const {
        return put("/presence/@alice:hs.test/status", content, alice);
    }
    [[nodiscard]] Answer list(const std::string& room_id, const std::string& visibility) const {
        return put("/directory/list/room/" + room_id, R"({"visibility":")" + visibility + "\"}", alice);
    }
    [[nodiscard]] Answer name(const std::string& room_id, const std::string& alias) const {
        return put("/directory/room/%23" + alias + ":hs.test", R"({"room_id":")" + room_id + "\"}", alice);
    }
    [[nodiscard]] Answer invite(const std::string& user_id, const std::string& token) const {
        return post("/rooms/" + room + "/invite", R"({"user_id":")" + user_id + "\"}", token);
    }
    [[nodiscard]] boost::json::value info_of(const std::string& user_id) const {
        const std::string body = R"({"call":"get_userinfo_by_id","args":[")" + user_id + "\"]}";
        const Answer answer = server.request("POST", "/_synapse/client/api", body);
        return answer.body.at("result");
    }

    const std::string room;
};

void expect_locked(const Answer& answer) {
    expect_error(answer, 401, "M_USER_LOCKED", "User account has been locked");
    EXPECT_EQ(answer.body.at("soft_logout"), true);
}
void expect_suspended(const Answer& answer, const std::string& act) {
    expect_error(answer, 403, "M_USER_SUSPENDED", "Your account is suspended: you can't " + act);
}

TEST_F(RestrictedAccountTest, ALockedUserCanDoNothingButLogOutAndHasTheirSessionsWhenTheLockIsOff) {
    const std::string phone = log_in().text("access_token");
    lock("alice", true);
    EXPECT_EQ(admin("GET", "/v2/users/@alice:hs.test").body.at("locked"), true);
    expect_locked(get("/account/whoami", alice));
    expect_locked(get("/sync", alice));
    expect_locked(send(room, "hello", alice));
    expect_locked(post("/rooms/" + room + "/leave", "{}", alice));
    expect_locked(log_in());
    expect_error(log_in("wrong"), 403, "M_FORBIDDEN", "Invalid username or password");
    log_out(phone);
    expect_no_session(get("/account/whoami", phone));
    lock("alice", false);
    EXPECT_EQ(get("/account/whoami", alice).status, 200);
    EXPECT_EQ(send(room, "hello", alice).status, 200);
    EXPECT_EQ(log_in().status, 200);
}

TEST_F(RestrictedAccountTest, ModulesSeeWhoIsLockedAndWhoIsSuspended) {
    EXPECT_EQ(info_of("@alice:hs.test").at("locked"), false);
    EXPECT_EQ(info_of("@alice:hs.test").at("suspended"), false);
    lock("alice", true);
    suspend("bob", true);
    EXPECT_EQ(info_of("@alice:hs.test").at("locked"), true);
    EXPECT_EQ(info_of("@alice:hs.test").at("suspended"), false);
    EXPECT_EQ(info_of("@bob:hs.test").at("suspended"), true);
    EXPECT_EQ(admin("GET", "/v2/users/@bob:hs.test").body.at("suspended"), true);
}

TEST_F(RestrictedAccountTest, ALockMeetsWhatIsUnderWay) {
    const Answer sent_late = held(
        "check_event_allowed", [&] { return send(room, "too late", alice); }, [&] { lock("alice", true); });
    expect_locked(sent_late);
    lock("alice", false);
    const Answer logged_in_late = held(
        "check_login_for_spam", [&] { return log_in(); }, [&] { lock("alice", true); });
    expect_locked(logged_in_late);
    lock("alice", false);
    const Answer joined_late = held(
        "check_event_allowed", [&] { return post("/join/" + public_room(bob), "{}", alice); }, [&] { lock("alice", true); });
    expect_locked(joined_late);
}

TEST_F(RestrictedAccountTest, ALockEndsASyncThatWaitsAtOnce) {
    const std::string since = get("/sync", alice).text("next_batch");
    const auto began = std::chrono::steady_clock::now();
    std::future<Answer> waiting =
        std::async(std::launch::async, [&] { return get("/sync?timeout=25000&since=" + since, alice); });
    EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(150)), std::future_status::timeout);
    lock("alice", true);
    expect_locked(waiting.get());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST_F(RestrictedAccountTest, ALockIsTakenOffInTimeForWhatIsUnderWay) {
    const Answer in_time = held(
        "check_event_allowed", [&] { return send(room, "in time", alice); },
        [&] {
            lock("alice", true);
            lock("alice", false);
        });
    EXPECT_EQ(in_time.status, 200) << in_time.body;
}

TEST_F(RestrictedAccountTest, ASuspendedUserSaysNothing) {
    const std::string of_bob = sent_id("bob's", bob);
    const std::string other_room = public_room(bob);
    suspend("alice", true);
    expect_suspended(send(room, "hello", alice), "send messages");
    expect_suspended(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"x"})", alice), "change the state of rooms");
    expect_suspended(redact(of_bob, alice), "redact what others have sent");
    expect_suspended(redact("$nothing", alice), "redact what others have sent");
    expect_suspended(post("/join/" + other_room, "{}", alice), "join rooms");
    expect_suspended(put("/rooms/" + other_room + "/state/m.room.member/@alice:hs.test", R"({"membership":"join"})", alice),
                     "join rooms");
    expect_suspended(put("/rooms/" + other_room + "/state/m.room.member/@alice:hs.test", R"({"membership":"knock"})", alice),
                     "knock at rooms");
    expect_suspended(invite("@carol:hs.test", alice), "invite users");
    expect_suspended(post("/rooms/" + room + "/invite", R"({"medium":"email","address":"carol@hs.test"})", alice),
                     "invite users");
    expect_suspended(post("/rooms/" + room + "/kick", R"({"user_id":"@bob:hs.test"})", alice), "remove users from rooms");
    expect_suspended(post("/createRoom", "{}", alice), "create rooms");
    expect_suspended(rename(alice, "alice", "Alice"), "change a profile");
    expect_suspended(put("/profile/@alice:hs.test/avatar_url", R"({"avatar_url":"mxc://hs.test/a"})", alice),
                     "change a profile");
    suspend("alice", false);
    EXPECT_EQ(send(room, "hello", alice).status, 200);
}

TEST_F(RestrictedAccountTest, ASuspendedUserReadsTakesBackWhatIsTheirsAndLeaves) {
    const std::string own = sent_id("mine", alice);
    suspend("alice", true);
    EXPECT_EQ(get("/sync", alice).status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/messages?dir=b", alice).status, 200);
    EXPECT_EQ(redact(own, alice).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", alice).status, 200);
    const std::string phone = log_in().text("access_token");
    EXPECT_EQ(get("/account/whoami", phone).status, 200);
    log_out(phone);
}

TEST_F(RestrictedAccountTest, ASuspendedUserLeavesWithNothingButAReason) {
    suspend("alice", true);
    const std::string talk = R"(,"displayname":"Buy!","org.example.text":"Buy!"})";
    EXPECT_EQ(set_own_event(R"({"membership":"leave","reason":"bye")" + talk).status, 200);
    EXPECT_EQ(own_event(), boost::json::parse(R"({"membership":"leave","reason":"bye"})"));
    suspend("alice", false);
    join(room, alice);
    suspend("alice", true);
    EXPECT_EQ(set_own_event(R"({"membership":"leave","reason":{"text":"Buy!"}})").status, 200);
    EXPECT_EQ(own_event(), boost::json::parse(R"({"membership":"leave"})"));
    suspend("alice", false);
    join(room, alice);
    const std::string content = R"({"membership":"leave","org.example.text":"hello"})";
    EXPECT_EQ(set_own_event(content).status, 200);
    EXPECT_EQ(own_event(), boost::json::parse(content)) << "everybody else says what they like";
}

TEST_F(RestrictedAccountTest, ASuspensionMeetsWhatALeaveUnderWaySays) {
    const Answer left = held(
        "check_event_allowed", [&] { return set_own_event(R"({"membership":"leave","displayname":"Buy!","reason":"bye"})"); },
        [&] { suspend("alice", true); });
    EXPECT_EQ(left.status, 200) << left.body;
    EXPECT_EQ(own_event(), boost::json::parse(R"({"membership":"leave","reason":"bye"})"));
}

TEST_F(RestrictedAccountTest, ASuspendedUserChangesTheirOwnMembershipInNoOtherWay) {
    suspend("alice", true);
    expect_suspended(set_own_event(R"({"membership":"join","displayname":"Buy!"})"), "change a profile");
    expect_suspended(set_own_event(R"({"membership":"ban","reason":"Buy!"})"), "change a profile");
    EXPECT_EQ(own_event().at("membership"), "join");
}

TEST_F(RestrictedAccountTest, ARedactionThatIsSentAsAnEventIsOneForASuspendedUserToo) {
    const std::string own = sent_id("mine", alice);
    const std::string of_bob = sent_id("bob's", bob);
    suspend("alice", true);
    const auto redaction_of = [](const std::string& event_id) {
        return R"({"redacts":")" + event_id + R"(","reason":"mistaken","body":"Buy!"})";
    };
    expect_suspended(send_redaction(redaction_of(of_bob), alice), "redact what others have sent");
    expect_suspended(send_redaction(R"({"body":"Buy!"})", alice), "send messages");
    expect_suspended(send_redaction(R"({"redacts":5,"body":"Buy!"})", alice), "send messages");
    const Answer redacted = send_redaction(redaction_of(own), alice);
    EXPECT_EQ(redacted.status, 200) << redacted.body;
    EXPECT_FALSE(event(own).at("content").as_object().contains("body"));
    EXPECT_EQ(event(of_bob).at("content").at("body"), "bob's");
    EXPECT_FALSE(event(redacted.text("event_id")).at("content").as_object().contains("body"));
    EXPECT_EQ(event(redacted.text("event_id")).at("content").at("reason"), "mistaken");
}

TEST_F(RestrictedAccountTest, ARedactionThatIsSentAsAnEventNeedsTheSameRight) {
    const std::string of_bob = sent_id("bob's", bob);
    const std::string of_alice = sent_id("alice's", alice);
    EXPECT_EQ(send_redaction(R"({"redacts":")" + of_bob + "\"}", alice).status, 403);
    EXPECT_EQ(event(of_bob).at("content").at("body"), "bob's");
    EXPECT_EQ(send_redaction(R"({"redacts":")" + of_alice + "\"}", bob).status, 200);
    EXPECT_FALSE(event(of_alice).at("content").as_object().contains("body"));
}

TEST_F(RestrictedAccountTest, ASuspendedUserMakesNothingPublicButMayHideIt) {
    const std::string own_room = create_room(alice);
    EXPECT_EQ(list(own_room, "public").status, 200);
    suspend("alice", true);
    EXPECT_EQ(list(own_room, "private").status, 200);
    expect_suspended(list(own_room, "public"), "publish rooms");
    expect_suspended(name(own_room, "buy"), "make room aliases");
    expect_suspended(set_presence(R"({"presence":"online","status_msg":"Buy!"})"), "set a status message");
    EXPECT_EQ(set_presence(R"({"presence":"online","status_msg":""})").status, 200);
    EXPECT_EQ(set_presence(R"({"presence":"unavailable"})").status, 200);
    suspend("alice", false);
    EXPECT_EQ(name(own_room, "buy").status, 200);
    EXPECT_EQ(list(own_room, "public").status, 200);
    EXPECT_EQ(set_presence(R"({"presence":"online","status_msg":"here"})").status, 200);
}

TEST_F(RestrictedAccountTest, ASuspendedUserUploads) {
    suspend("alice", true);
    EXPECT_EQ(server.request("POST", "/_matrix/media/v3/upload", "bytes", alice).status, 200);
}

TEST_F(RestrictedAccountTest, ASuspensionMeetsWhatIsUnderWay) {
    const auto while_suspended = [&](const std::string& callback, const std::function<Answer()>& request) {
        Answer late = held(callback, request, [&] { suspend("alice", true); });
        suspend("alice", false);
        return late;
    };
    expect_suspended(while_suspended("check_event_allowed", [&] { return send(room, "too late", alice); }), "send messages");
    const std::string other_room = public_room(bob);
    expect_suspended(while_suspended("user_may_join_room", [&] { return post("/join/" + other_room, "{}", alice); }),
                     "join rooms");
    const std::string own_room = create_room(alice);
    const auto invite_carol = [&] { return post("/rooms/" + own_room + "/invite", R"({"user_id":"@carol:hs.test"})", alice); };
    expect_suspended(while_suspended("user_may_invite", invite_carol), "invite users");
    expect_suspended(while_suspended("user_may_publish_room", [&] { return list(own_room, "public"); }), "publish rooms");
    expect_suspended(while_suspended("user_may_create_room_alias", [&] { return name(own_room, "buy"); }), "make room aliases");
    expect_suspended(while_suspended("check_event_allowed", [&] { return post("/createRoom", "{}", alice); }), "create rooms");
    EXPECT_EQ(bodies(get("/rooms/" + room + "/messages?dir=b", bob).body.at("chunk")).front(), "m.room.member");
}

TEST_F(RestrictedAccountTest, SuspendingHasItsRules) {
    expect_error(asked_to_suspend("@nobody:hs.test", R"({"suspend":true})"), 404, "M_NOT_FOUND", "User not found");
    expect_error(asked_to_suspend("@alice:other.test", R"({"suspend":true})"), 400, "M_UNKNOWN", "Only local users can be suspended");
    expect_error(asked_to_suspend("@alice:hs.test", "{}"), 400, "M_MISSING_PARAM", "Missing key 'suspend'");
    EXPECT_EQ(asked_to_suspend("@alice:hs.test", R"({"suspend":"yes"})").status, 400);
    expect_error(server.request("PUT", "/_synapse/admin/v1/suspend/@alice:hs.test", R"({"suspend":true})", bob), 403,
                 "M_FORBIDDEN", "You are not a server admin");
    EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"locked":"yes"})").status, 400);
    EXPECT_EQ(send(room, "hello", alice).status, 200);
}

}  // namespace
