#include "gate_test.h"

#include <modapi/database.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// What a request found before a callback that waits isn't believed after it: each ends as if it had come only then.
namespace {

using namespace homeserver_test;

class WaitingCallbackTest : public GateServer, public testing::WithParamInterface<int> {
protected:
    WaitingCallbackTest() : GateServer(GetParam()) {}

    /// As what proves who alice is, by a login type of a module that may be held.
    static constexpr const char* proof = R"("auth":{"type":"org.example.gate","user":"alice","field":1})";
    static constexpr const char* accepts_alice = R"(,"accept":"@alice:hs.test")";
    [[nodiscard]] Answer put_state(const std::string& room, const std::string& type, const std::string& body,
                                   const std::string& token) const {
        return put("/rooms/" + room + "/state/" + type, body, token);
    }
};

INSTANTIATE_TEST_SUITE_P(Workers, WaitingCallbackTest, testing::Values(1, 2));

TEST_P(WaitingCallbackTest, ANewNameBringsNobodyBackIntoARoomThatTheyWereKickedFrom) {
    for (const char* const callback : {"user_may_join_room", "check_event_allowed"}) {
        const std::string room = public_room(bob);
        join(room, alice);
        const Answer renamed = held(
            callback, [&] { return rename(alice, "alice", std::string("name in ") + callback); }, [&] { kick_alice(room); });
        EXPECT_EQ(renamed.status, 200);
        EXPECT_EQ(member(room, "alice", "membership"), "leave") << callback;
    }
}

TEST_P(WaitingCallbackTest, OfTwoNewNamesTheLaterOneIsEverywhere) {
    for (const char* const callback : {"on_profile_update", "user_may_join_room", "check_event_allowed"}) {
        const std::string room = public_room(bob);
        join(room, alice);
        const std::string later = std::string("later than ") + callback;
        const Answer first = held(
            callback, [&] { return rename(alice, "alice", std::string("earlier ") + callback); },
            [&] { EXPECT_EQ(rename(alice, "alice", later).status, 200); });
        EXPECT_EQ(first.status, 200);
        EXPECT_EQ(member(room, "alice", "displayname"), later);
        kick_alice(room);
    }
}

TEST_P(WaitingCallbackTest, AJoinShowsTheNameThatTheUserHasWhenItIsStored) {
    for (const char* const callback : {"user_may_join_room", "check_event_allowed"}) {
        const std::string room = public_room(bob);
        const std::string name = std::string("new in ") + callback;
        const Answer joined = held(
            callback, [&] { return post("/join/" + room, "{}", alice); },
            [&] { EXPECT_EQ(rename(alice, "alice", name).status, 200); });
        EXPECT_EQ(joined.status, 200);
        EXPECT_EQ(member(room, "alice", "displayname"), name);
        kick_alice(room);
    }
}

TEST_P(WaitingCallbackTest, AJoinBringsNoDeactivatedUserIntoARoom) {
    const std::string room = public_room(bob);
    const Answer joined = held(
        "check_event_allowed", [&] { return post("/join/" + room, "{}", alice); }, [&] { deactivate("alice"); });
    expect_error(joined, 403, "M_USER_DEACTIVATED", "This account has been deactivated");
    EXPECT_EQ(member(room, "alice", "membership"), "");
}

TEST_P(WaitingCallbackTest, ARoomOfAUserWhoWasDeactivatedMeanwhileIsNotMade) {
    const Answer made = held(
        "check_event_allowed", [&] { return post("/createRoom", R"({"room_alias_name":"hall"})", alice); },
        [&] { deactivate("alice"); });
    EXPECT_EQ(made.status, 403) << made.body;
    EXPECT_EQ(made.text("errcode"), "M_USER_DEACTIVATED");
    EXPECT_EQ(get("/directory/room/%23hall:hs.test", bob).status, 404);
}

TEST_P(WaitingCallbackTest, AnUnbanThrowsNobodyOutWhoIsInTheRoomByThen) {
    const std::string room = public_room(bob);
    const std::string body = R"({"user_id":"@alice:hs.test"})";
    EXPECT_EQ(post("/rooms/" + room + "/ban", body, bob).status, 200);
    const auto unban = [&] { return post("/rooms/" + room + "/unban", body, bob); };
    const Answer late = held("check_event_allowed", unban, [&] {
        EXPECT_EQ(unban().status, 200);
        join(room, alice);
    });
    expect_error(late, 403, "M_BAD_STATE", "Cannot unban user who was not banned");
    EXPECT_EQ(member(room, "alice", "membership"), "join");
}

TEST_P(WaitingCallbackTest, ADeactivationThatIsTakenBackLeavesNoRooms) {
    const std::string room = public_room(bob);
    join(room, alice);
    const Answer deactivated = held(
        "on_user_deactivation_status_changed", [&] { return admin("POST", "/v1/deactivate/@alice:hs.test", "{}"); },
        [&] { EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"deactivated":false,"password":"new"})").status, 200); });
    EXPECT_EQ(deactivated.status, 200);
    EXPECT_EQ(member(room, "alice", "membership"), "join");
}

TEST_P(WaitingCallbackTest, ALoginByAPasswordThatWasChangedMeanwhileIsNone) {
    const Answer login = held(
        "check_login_for_spam", [&] { return log_in(); },
        [&] { EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"password":"another"})").status, 200); });
    expect_error(login, 403, "M_FORBIDDEN", "Invalid username or password");
    EXPECT_EQ(log_in("another").status, 200);
}

TEST_P(WaitingCallbackTest, NobodyLogsInToAnAccountThatWasDeactivatedMeanwhile) {
    const std::string token = server.request("POST", "/_matrix/client/v1/login/get_token", "{}", bob).text("login_token");
    const Answer by_password = held(
        "check_login_for_spam", [&] { return log_in(); }, [&] { deactivate("alice"); });
    expect_error(by_password, 403, "M_USER_DEACTIVATED", "This account has been deactivated");
    const Answer by_token = held(
        "check_login_for_spam", [&] { return post("/login", R"({"type":"m.login.token","token":")" + token + "\"}", ""); },
        [&] { deactivate("bob"); });
    expect_error(by_token, 403, "M_USER_DEACTIVATED", "This account has been deactivated");
}

TEST_P(WaitingCallbackTest, AModulesSsoLoginOfAnAccountThatWasDeactivatedMeanwhileSaysSo) {
    const Answer page = held(
        "on_user_login",
        [&] {
            return server.request(
                "POST", "/_synapse/client/api",
                R"({"call":"complete_sso_login_async","args":["@alice:hs.test","https://app.example/",false]})");
        },
        [&] { deactivate("alice"); });
    EXPECT_EQ(page.body.at("result").at("status"), 403) << page.body;
}

TEST_P(WaitingCallbackTest, APasswordIsChangedByNoSessionThatHasEnded) {
    const std::string body = std::string(R"({"new_password":"of the thief",)") + proof + "}";
    const Answer changed = held(
        "auth_checkers", [&] { return post("/account/password", body, alice); }, [&] { log_out(alice); }, accepts_alice);
    expect_no_session(changed);
    EXPECT_EQ(log_in().status, 200) << "with the password of before";
}

TEST_P(WaitingCallbackTest, AnAddressIsAddedByNoSessionThatHasEnded) {
    const std::string credentials = validated(server, folder.path(), email_for_account("alice@example.org"));
    const std::string body = credentials.substr(0, credentials.size() - 1) + "," + proof + "}";
    const Answer added = held(
        "auth_checkers", [&] { return post("/account/3pid/add", body, alice); }, [&] { log_out(alice); }, accepts_alice);
    expect_no_session(added);
    const std::string again = log_in().text("access_token");
    EXPECT_TRUE(get("/account/3pid", again).body.at("threepids").as_array().empty());
}

TEST_P(WaitingCallbackTest, DevicesAreDeletedByNoSessionThatHasEnded) {
    const Answer other = log_in();
    const Answer deleted = held(
        "auth_checkers",
        [&] { return post("/delete_devices", R"({"devices":[")" + other.text("device_id") + "\"]," + proof + "}", alice); },
        [&] { log_out(alice); }, accepts_alice);
    expect_no_session(deleted);
    EXPECT_EQ(get("/account/whoami", other.text("access_token")).status, 200);
}

TEST_P(WaitingCallbackTest, AnAccountIsDeactivatedByNoSessionThatHasEnded) {
    const Answer deactivated = held(
        "check_can_deactivate_user", [&] { return post("/account/deactivate", std::string("{") + proof + "}", alice); },
        [&] { log_out(alice); }, accepts_alice);
    expect_no_session(deactivated);
    EXPECT_EQ(log_in().status, 200);
}

TEST_P(WaitingCallbackTest, NothingIsSetByASessionThatHasEnded) {
    const std::string pusher =
        R"({"kind":"http","app_id":"a","app_display_name":"A","device_display_name":"D","pushkey":"k","lang":"en",)"
        R"("data":{"url":"https://push.example/_matrix/push/v1/notify"}})";
    const std::string room = create_room(alice, R"({"invite":["@bob:hs.test"]})");
    const std::string left = create_room(alice);
    EXPECT_EQ(post("/rooms/" + left + "/leave", "{}", alice).status, 200);
    const std::string event = send(room, "early", alice).text("event_id");
    const std::string own_room = "/user/@alice:hs.test/rooms/" + room;
    const std::string rule = "/pushrules/global/override/early";
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/x.early", R"({"here":true})", alice).status, 200);
    EXPECT_EQ(put(own_room + "/tags/early", "{}", alice).status, 200);
    EXPECT_EQ(put(rule, R"({"conditions":[],"actions":[]})", alice).status, 200);
    std::string early = pusher;
    early.replace(early.find(R"("k")"), 3, R"("early")");
    EXPECT_EQ(post("/pushers/set", early, alice).status, 200);
    const std::int64_t joined = static_cast<std::int64_t>(get("/joined_rooms", alice).body.at("joined_rooms").as_array().size());
    const std::vector<std::function<Answer(const std::string&)>> requests = {
        [&](const std::string& token) { return post("/pushers/set", pusher, token); },
        [&](const std::string& token) { return server.request("POST", "/_matrix/client/v1/login/get_token", "{}", token); },
        [&](const std::string& token) { return rename(token, "alice", "too late"); },
        [&](const std::string& token) { return put("/presence/@alice:hs.test/status", R"({"presence":"online"})", token); },
        [&](const std::string& token) { return get("/sync", token); },
        [&](const std::string& token) { return put("/user/@alice:hs.test/account_data/x.any", R"({"late":true})", token); },
        [&](const std::string& token) { return put(own_room + "/account_data/x.any", R"({"late":true})", token); },
        [&](const std::string& token) {
            const std::string unstable = "/_matrix/client/unstable/org.matrix.msc3391/user/@alice:hs.test/account_data/x.early";
            return server.request("DELETE", unstable, "", token);
        },
        [&](const std::string& token) { return put(own_room + "/tags/late", "{}", token); },
        [&](const std::string& token) { return server.request("DELETE", client + own_room + "/tags/early", "", token); },
        [&](const std::string& token) { return post("/rooms/" + room + "/receipt/m.read/" + event, "{}", token); },
        [&](const std::string& token) {
            return post("/rooms/" + room + "/read_markers", R"({"m.fully_read":")" + event + "\"}", token);
        },
        [&](const std::string& token) {
            return put("/pushrules/global/override/late", R"({"conditions":[],"actions":[]})", token);
        },
        [&](const std::string& token) {
            return put("/pushrules/global/override/.m.rule.master/enabled", R"({"enabled":true})", token);
        },
        [&](const std::string& token) { return server.request("DELETE", client + "/pushrules/global/override/early", "", token); },
        [&](const std::string& token) { return post("/user/@alice:hs.test/filter", "{}", token); },
        [&](const std::string& token) {
            return post("/pushers/set", R"({"kind":null,"app_id":"a","pushkey":"early"})", token);
        },
        [&](const std::string& token) { return put_state(room, "m.room.topic", R"({"topic":"late"})", token); },
        [&](const std::string& token) { return send(room, "late", token); },
        [&](const std::string& token) { return put("/rooms/" + room + "/redact/" + event + "/late", "{}", token); },
        [&](const std::string& token) { return post("/rooms/" + room + "/invite", R"({"user_id":"@root:hs.test"})", token); },
        [&](const std::string& token) {
            return post("/rooms/" + room + "/invite", R"({"medium":"email","id_server":"hs.test","address":"late@example.org"})",
                        token);
        },
        [&](const std::string& token) { return post("/rooms/" + room + "/leave", "{}", token); },
        [&](const std::string& token) { return post("/rooms/" + left + "/forget", "{}", token); },
        [&](const std::string& token) { return post("/createRoom", "{}", token); },
    };
    for (const auto& request : requests) {
        const std::string token = log_in().text("access_token");
        expect_no_session(held(
            "is_user_expired", [&] { return request(token); }, [&] { log_out(token); }));
    }
    const boost::json::array pushers = get("/pushers", alice).body.at("pushers").as_array();
    ASSERT_EQ(pushers.size(), 1);
    EXPECT_EQ(pushers.front().at("pushkey"), "early");
    EXPECT_EQ(get("/profile/@alice:hs.test/displayname", alice).text("displayname"), "alice");
    EXPECT_EQ(get("/user/@alice:hs.test/account_data/x.any", alice).status, 404);
    EXPECT_EQ(get("/user/@alice:hs.test/account_data/x.early", alice).status, 200);
    EXPECT_EQ(get(own_room + "/account_data/x.any", alice).status, 404);
    EXPECT_EQ(get(own_room + "/account_data/m.fully_read", alice).status, 404);
    const boost::json::object tags = get(own_room + "/tags", alice).body.at("tags").as_object();
    EXPECT_TRUE(tags.size() == 1 && tags.contains("early")) << tags;
    EXPECT_EQ(get("/pushrules/global/override/late", alice).status, 404);
    EXPECT_EQ(get(rule, alice).status, 200);
    EXPECT_EQ(get("/pushrules/global/override/.m.rule.master/enabled", alice).body.at("enabled"), false);
    EXPECT_EQ(get("/user/@alice:hs.test/filter/0", alice).status, 404);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).status, 404);
    EXPECT_EQ(get("/rooms/" + room + "/event/" + event, alice).body.at("content").as_object().at("body"), "early");
    EXPECT_EQ(get("/joined_rooms", alice).body.at("joined_rooms").as_array().size(), joined);
}

TEST_P(WaitingCallbackTest, ASessionThatEndsWhileModulesJudgeWhatItSendsSendsNothing) {
    const std::string room = create_room(alice);
    const std::string event = send(room, "early", alice).text("event_id");
    const std::vector<std::function<Answer(const std::string&)>> requests = {
        [&](const std::string& token) { return send(room, "late", token); },
        [&](const std::string& token) { return put_state(room, "m.room.topic", R"({"topic":"late"})", token); },
        [&](const std::string& token) { return put("/rooms/" + room + "/redact/" + event + "/late", "{}", token); },
        [&](const std::string& token) { return post("/rooms/" + room + "/invite", R"({"user_id":"@bob:hs.test"})", token); },
        [&](const std::string& token) {
            return post("/rooms/" + room + "/invite", R"({"medium":"email","id_server":"hs.test","address":"late@example.org"})",
                        token);
        },
        [&](const std::string& token) { return post("/createRoom", R"({"room_alias_name":"late"})", token); },
    };
    for (const auto& request : requests) {
        const std::string token = log_in().text("access_token");
        expect_no_session(held(
            "check_event_allowed", [&] { return request(token); }, [&] { log_out(token); }));
    }
    const std::vector<std::string> names = bodies(get("/rooms/" + room + "/messages?dir=b&limit=1", alice).body.at("chunk"));
    EXPECT_EQ(names, std::vector<std::string>(1, "early"));
    EXPECT_EQ(get("/directory/room/%23late:hs.test", alice).status, 404);
}

TEST_P(WaitingCallbackTest, ASessionWithoutADeviceEndsAsAnyOther) {
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    const auto forget_device = [](modapi::Transaction& transaction, void*) {
        transaction.execute("UPDATE access_tokens SET device_id = NULL WHERE user_id = '@alice:hs.test'");
    };
    database->run_blocking("forget_device", forget_device, nullptr);
    EXPECT_FALSE(get("/account/whoami", alice).body.contains("device_id"));
    const std::string other = log_in().text("access_token");
    const Answer late = held(
        "is_user_expired", [&] { return put("/user/@alice:hs.test/account_data/x.any", "{}", alice); }, [&] { log_out(alice); });
    expect_no_session(late);
    EXPECT_EQ(get("/user/@alice:hs.test/account_data/x.any", other).status, 404) << "the other session is there still";
}

/// The rights of an admin who asked end while modules are asked.
TEST_P(WaitingCallbackTest, WhoIsNoAdminAnyMoreShutsNoRoomDownAndEndsNoAccount) {
    const std::string room = create_room(bob);
    const std::string second = register_admin("second", true).text("access_token");
    const auto demote = [&] { EXPECT_EQ(admin("PUT", "/v2/users/@second:hs.test", R"({"admin":false})").status, 200); };
    const auto promote = [&] { EXPECT_EQ(admin("PUT", "/v2/users/@second:hs.test", R"({"admin":true})").status, 200); };
    const auto as_second = [&](const std::string& method, const std::string& path, const std::string& body) {
        return server.request(method, "/_synapse/admin" + path, body, second);
    };
    const std::vector<std::pair<std::string, std::function<Answer()>>> requests = {
        {"check_can_shutdown_room", [&] { return as_second("DELETE", "/v1/rooms/" + room, "{}"); }},
        {"check_can_deactivate_user", [&] { return as_second("POST", "/v1/deactivate/@alice:hs.test", "{}"); }},
        {"check_can_deactivate_user", [&] { return as_second("PUT", "/v2/users/@alice:hs.test", R"({"deactivated":true})"); }},
        {"is_user_expired", [&] { return as_second("PUT", "/v2/users/@alice:hs.test", R"({"password":"late"})"); }},
    };
    for (const auto& [callback, request] : requests) {
        expect_error(held(callback, request, demote), 403, "M_FORBIDDEN", "You are not a server admin");
        promote();
    }
    EXPECT_EQ(get("/rooms/" + room + "/state", bob).status, 200);
    EXPECT_EQ(log_in().status, 200);
    expect_no_session(held("check_can_shutdown_room", requests.front().second, [&] { log_out(second); }));
    EXPECT_EQ(get("/rooms/" + room + "/state", bob).status, 200);
}

TEST_P(WaitingCallbackTest, AnAliasIsDeletedByNoSessionThatHasEnded) {
    const std::string room = create_room(alice, R"({"room_alias_name":"lounge"})");
    const std::string token = log_in().text("access_token");
    const Answer late = held(
        "is_user_expired", [&] { return server.request("DELETE", client + "/directory/room/%23lounge:hs.test", "", token); },
        [&] { log_out(token); });
    expect_no_session(late);
    EXPECT_EQ(get("/directory/room/%23lounge:hs.test", alice).text("room_id"), room);
}

TEST_P(WaitingCallbackTest, AnAccountThatEndsWhileItIsRegisteredGetsNoAddress) {
    const std::string credentials = validated(server, folder.path(), email_for_registration("carol@example.org"));
    const std::string body = R"({"username":"carol","password":"secret of carol","auth":{"type":"m.login.email.identity",)"
                             R"("threepid_creds":)" + credentials + "}}";
    const Answer registered = held(
        "on_user_registration", [&] { return post("/register", body, ""); }, [&] { deactivate("carol"); });
    expect_error(registered, 403, "M_USER_DEACTIVATED", "This account has been deactivated");
    EXPECT_TRUE(admin("GET", "/v2/users/@carol:hs.test").body.at("threepids").as_array().empty());
}

TEST_P(WaitingCallbackTest, ALateStageOfASessionProvesWhatItProvesAndForgetsNoOther) {
    const std::string session = post("/account/password", R"({"new_password":"of alice"})", alice).text("session");
    const auto change = [&](const std::string& auth) {
        return post("/account/password", R"({"new_password":"of alice","auth":{"session":")" + session + R"(",)" + auth + "}}", alice);
    };
    const std::string by_password = R"("type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":")";
    const Answer late = held(
        "auth_checkers", [&] { return change(R"("type":"org.example.gate","user":"alice","field":1)"); },
        [&] { EXPECT_EQ(change(by_password + "secret of alice\"").status, 200); });
    EXPECT_EQ(late.status, 200) << "the session is proved by the other stage: " << late.body;
}

TEST_P(WaitingCallbackTest, AnAliasIsMadeOnlyByWhoIsInTheRoomThen) {
    const std::string room = public_room(bob);
    join(room, alice);
    const auto name_room = [&] { return put("/directory/room/%23lounge:hs.test", R"({"room_id":")" + room + "\"}", alice); };
    expect_error(held("user_may_create_room_alias", name_room, [&] { kick_alice(room); }), 403, "M_FORBIDDEN",
                 "You must be in the room to create an alias for it");
    join(room, alice);
    const Answer of_nothing = held("user_may_create_room_alias", name_room,
                                   [&] { EXPECT_EQ(admin("DELETE", "/v1/rooms/" + room, "{}").status, 200); });
    expect_error(of_nothing, 404, "M_NOT_FOUND", "Room " + room + " not found");
    EXPECT_EQ(get("/directory/room/%23lounge:hs.test", alice).status, 404);
}

TEST_P(WaitingCallbackTest, ARoomIsntCalledByAnAliasThatWasDeletedMeanwhile) {
    const std::string room = create_room(bob);
    EXPECT_EQ(put("/directory/room/%23lounge:hs.test", R"({"room_id":")" + room + "\"}", bob).status, 200);
    const Answer named = held(
        "check_event_allowed", [&] { return put_state(room, "m.room.canonical_alias", R"({"alias":"#lounge:hs.test"})", bob); },
        [&] { EXPECT_EQ(server.request("DELETE", client + "/directory/room/%23lounge:hs.test", "", bob).status, 200); });
    expect_error(named, 400, "M_BAD_ALIAS", "Room alias #lounge:hs.test does not point to the room");
}

TEST_P(WaitingCallbackTest, ARoomIsPublishedOnlyByWhoMayWhenItIs) {
    const std::string room = public_room(bob);
    join(room, alice);
    const auto levels = [&](int of_alice) {
        const std::string body = R"({"users":{"@bob:hs.test":100,"@alice:hs.test":)" + std::to_string(of_alice) + "}}";
        EXPECT_EQ(put_state(room, "m.room.power_levels", body, bob).status, 200);
    };
    levels(50);
    const std::string entry = "/directory/list/room/" + room;
    EXPECT_EQ(put(entry, R"({"visibility":"private"})", bob).status, 200);
    const Answer published = held(
        "check_visibility_can_be_modified", [&] { return put(entry, R"({"visibility":"public"})", alice); },
        [&] { levels(0); });
    expect_error(published, 403, "M_FORBIDDEN",
                 "This server requires you to be a moderator in the room to edit its room list entry");
    EXPECT_EQ(get(entry, "").text("visibility"), "private");
}

TEST_P(WaitingCallbackTest, NobodyTakesBackWhatTheyMayNotByThen) {
    const std::string room = public_room(bob);
    join(room, alice);
    const auto levels = [&](int of_alice) {
        const std::string body = R"({"users":{"@bob:hs.test":100,"@alice:hs.test":)" + std::to_string(of_alice) + "}}";
        EXPECT_EQ(put_state(room, "m.room.power_levels", body, bob).status, 200);
    };
    levels(50);
    const std::string event = send(room, "of bob", bob).text("event_id");
    const Answer redacted = held(
        "check_event_allowed", [&] { return put("/rooms/" + room + "/redact/" + event + "/1", "{}", alice); },
        [&] { levels(0); });
    expect_error(redacted, 403, "M_FORBIDDEN", "You don't have permission to redact events");
    EXPECT_EQ(get("/rooms/" + room + "/event/" + event, bob).body.at("content").at("body"), "of bob");
}

TEST_P(WaitingCallbackTest, ARoomIsShutDownByOneAtATime) {
    const std::string room = public_room(bob);
    join(room, alice);
    std::future<Answer> second;
    const Answer first = held(
        "check_can_shutdown_room",
        [&] { return server.request("POST", "/_synapse/client/api", R"({"call":"delete_room","args":[")" + room + "\"]}"); },
        [&] { second = std::async(std::launch::async, [&] { return admin("DELETE", "/v1/rooms/" + room, "{}"); }); });
    EXPECT_EQ(first.status, 200);
    const Answer of_admin = second.get();
    EXPECT_EQ(of_admin.status, 200) << of_admin.body;
    EXPECT_TRUE(of_admin.body.at("kicked_users").as_array().empty()) << "the module's has made all leave";
}

TEST_P(WaitingCallbackTest, AFileOfASessionThatHasEndedDoesntStay) {
    const Answer uploaded = held(
        "check_media_file_for_spam", [&] { return server.request("POST", "/_matrix/media/v3/upload", "bytes", alice); },
        [&] { log_out(alice); });
    expect_no_session(uploaded);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
        EXPECT_TRUE(entry.path().string().find("local_content") == std::string::npos || entry.is_directory()) << entry.path();
    }
}

}  // namespace
