#include "admin_server.h"

#include <algorithm>
#include <thread>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

/// A server with a probe and an admin.
class AdminTest : public ProbedAdminServer {
protected:
    AdminTest() : ProbedAdminServer("{name: a, unsigned: false}") {}
};

TEST_F(AdminTest, TheSharedSecretMakesAccounts) {
    static_cast<void>(asked());
    EXPECT_EQ(register_admin("helper", false).text("user_id"), "@helper:hs.test");
    EXPECT_EQ(asked(), (Texts{"check_registration_for_spam", "on_user_registration", "on_user_login"})) << "it logs in";
    expect_error(register_admin("mallory", true, "x"), 403, "M_UNKNOWN", "HMAC incorrect");
    expect_error(
        server.request("POST", "/_synapse/admin/v1/register", R"({"nonce":"n","username":"a","password":"b","mac":"c"})"), 400,
        "M_UNKNOWN", "unrecognised nonce");
    EXPECT_EQ(admin("GET", "/v2/users/@root:hs.test").body.at("admin"), true);
    EXPECT_EQ(admin("GET", "/v2/users/@helper:hs.test").body.at("admin"), false);
}

TEST_F(AdminTest, OnlyAdminsMayDoWhatAdminsDo) {
    const std::string alice = server.register_user("alice");
    expect_error(server.request("PUT", "/_synapse/admin/v2/users/@bob:hs.test", "{}", alice), 403, "M_FORBIDDEN",
                 "You are not a server admin");
    expect_error(server.request("POST", "/_synapse/admin/v1/deactivate/@alice:hs.test", "{}", alice), 403, "M_FORBIDDEN",
                 "You are not a server admin");
    expect_error(server.request("DELETE", "/_synapse/admin/v1/rooms/!x:hs.test", "{}", alice), 403, "M_FORBIDDEN",
                 "You are not a server admin");
}

TEST_F(AdminTest, AUserDeactivatesTheirAccountWithTheirPassword) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const Answer challenge = post("/account/deactivate", "{}", alice);
    EXPECT_EQ(challenge.status, 401);
    EXPECT_EQ(boost::json::serialize(challenge.body.at("flows")),
              R"([{"stages":["m.login.password"]},{"stages":["org.example.probe"]}])")
        << "the server's own way, then the modules'";
    const auto attempt = [&](const std::string& user, const std::string& password, const std::string& erase) {
        return post("/account/deactivate",
                    R"({"erase":)" + erase + R"(,"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":")" +
                        user + R"("},"password":")" + password + R"("}})",
                    alice);
    };
    expect_error(attempt("alice", "wrong", "true"), 401, "M_FORBIDDEN", "Invalid username or password");
    expect_error(attempt("root", "pw", "true"), 403, "M_FORBIDDEN", "Invalid auth");
    EXPECT_EQ(get("/account/whoami", alice).status, 200);
    static_cast<void>(asked());
    EXPECT_EQ(attempt("alice", "secret of alice", "true").text("id_server_unbind_result"), "success");
    Texts order = asked();
    std::erase_if(order, [](const std::string& callback) {
        return callback == "check_auth" || callback.starts_with("check_event") || callback == "on_new_event";
    });
    EXPECT_EQ(order, (Texts{"check_can_deactivate_user", "on_logged_out", "on_profile_update", "on_profile_update",
                            "on_user_deactivation_status_changed"}));
    EXPECT_EQ(get("/account/whoami", alice).status, 401);
    expect_error(
        post("/login",
             R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice"})",
             {}),
        403, "M_USER_DEACTIVATED", "This account has been deactivated");
}

TEST_F(AdminTest, AUserNamesAndDeletesTheirDevices) {
    const std::string alice = server.register_user("alice");
    const auto log_in = [&](const std::string& device) {
        return post(
                   "/login",
                   R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice",)"
                   R"("device_id":")" +
                       device + R"(","initial_device_display_name":"a phone"})",
                   {})
            .text("access_token");
    };
    const std::string phone = log_in("PHONE");
    const std::string tablet = log_in("TABLET");
    EXPECT_EQ(get("/devices", alice).body.at("devices").as_array().size(), 3U);
    EXPECT_EQ(get("/devices/PHONE", alice).text("display_name"), "a phone");
    EXPECT_EQ(put("/devices/PHONE", R"({"display_name":"my phone"})", alice).status, 200);
    EXPECT_EQ(get("/devices/PHONE", alice).text("display_name"), "my phone");
    expect_error(get("/devices/NONE", alice), 404, "M_NOT_FOUND", "Not found");
    expect_error(put("/devices/NONE", "{}", alice), 404, "M_NOT_FOUND", "Not found");
    expect_error(get("/devices/PHONE", server.register_user("bob")), 404, "M_NOT_FOUND", "Not found");
    expect_error(post("/delete_devices", "{}", alice), 400, "M_MISSING_PARAM", "Missing key 'devices'");
    expect_error(post("/delete_devices", R"({"devices":[1]})", alice), 400, "M_INVALID_PARAM",
                 "'devices' must be a list of strings");

    static_cast<void>(asked());
    const std::string proof =
        R"("auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice"})";
    EXPECT_EQ(server.request("DELETE", client + "/devices/PHONE", "{}", alice).status, 401);
    EXPECT_EQ(get("/account/whoami", phone).status, 200);
    EXPECT_EQ(server.request("DELETE", client + "/devices/PHONE", "{" + proof + "}", alice).status, 200);
    EXPECT_EQ(get("/account/whoami", phone).status, 401);
    EXPECT_EQ(post("/delete_devices", R"({"devices":["TABLET","NONE"],)" + proof + "}", alice).status, 200);
    EXPECT_EQ(get("/account/whoami", tablet).status, 401);
    EXPECT_EQ(get("/devices", alice).body.at("devices").as_array().size(), 1U);
    const Texts callbacks = asked();
    EXPECT_EQ(std::count(callbacks.begin(), callbacks.end(), "on_logged_out"), 2);
}

TEST_F(AdminTest, WhoProvesWhoTheyAreMayDoItByALoginTypeOfAModule) {
    const std::string alice = server.register_user("alice");
    const auto attempt = [&](const std::string& fields) {
        return post("/delete_devices", R"({"devices":["NONE"],"auth":{"type":"org.example.probe",)" + fields + "}}", alice);
    };
    const std::string as_alice = R"("identifier":{"type":"m.id.user","user":"alice"})";
    expect_error(attempt(as_alice), 400, "M_UNKNOWN", "Missing parameters for login type org.example.probe: ['token']");
    expect_error(attempt(R"("token":"wrong",)" + as_alice), 401, "M_FORBIDDEN", "Invalid username or password");
    expect_error(attempt(R"("token":"open sesame","identifier":{"type":"m.id.user","user":"root"})"), 403, "M_FORBIDDEN",
                 "Invalid auth");
    EXPECT_EQ(attempt(R"("token":"open sesame",)" + as_alice).status, 200);
    EXPECT_FALSE(boost::json::serialize(journal()).find("on_response") != std::string::npos) << "nobody logs in";
}

TEST_F(AdminTest, WhatAUserProvedIsGoodForThemAndForWhatTheyBegan) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string phone = post("/login",
                                   R"({"type":"m.login.password","user":"bob","password":"secret of bob",)"
                                   R"("device_id":"PHONE"})",
                                   {})
                                  .text("access_token");
    const std::string session = post("/delete_devices", R"({"devices":["NONE"]})", alice).text("session");
    EXPECT_EQ(post("/delete_devices",
                   R"({"devices":["NONE"],"auth":{"type":"m.login.password","user":"alice","password":"secret of alice",)"
                   R"("session":")" +
                       session + "\"}}",
                   alice)
                  .status,
              200);
    const std::string proof = R"("auth":{"session":")" + session + "\"}";
    const std::string changed = "Requested operation has changed during the UI authentication session.";
    expect_error(post("/delete_devices", R"({"devices":["PHONE"],)" + proof + "}", bob), 403, "M_FORBIDDEN", changed);
    expect_error(server.request("DELETE", client + "/devices/PHONE", "{" + proof + "}", bob), 403, "M_FORBIDDEN", changed);
    expect_error(post("/account/deactivate", "{" + proof + "}", alice), 403, "M_FORBIDDEN", changed);
    EXPECT_EQ(get("/account/whoami", phone).status, 200);
}

TEST_F(AdminTest, ModulesHearNothingOfANameThatWasTakenMeanwhile) {
    const std::string session = post("/register", R"({"username":"carol","password":"pw"})", {}).text("session");
    static_cast<void>(server.register_user("carol"));
    static_cast<void>(asked());
    expect_error(post("/register", R"({"auth":{"type":"m.login.dummy","session":")" + session + "\"}}", {}), 400,
                 "M_USER_IN_USE", "User ID already taken.");
    EXPECT_EQ(asked(), Texts());
    EXPECT_EQ(
        post("/register", R"({"inhibit_login":true,"auth":{"type":"m.login.dummy","session":")" + session + "\"}}", {}).status,
        200)
        << "what asks anew without a name gets one";
}

TEST_F(AdminTest, ModulesAreAskedOnceAboutANameThatManyWantAtOnce) {
    static_cast<void>(asked());
    std::vector<Answer> answers(6);
    {
        std::vector<std::jthread> clients;
        for (Answer& answer : answers) {
            clients.emplace_back([&, this] {
                answer = post("/register", R"({"username":"carol","password":"pw","auth":{"type":"m.login.dummy"}})", {});
            });
        }
    }
    std::sort(answers.begin(), answers.end(),
              [](const Answer& left, const Answer& right) { return left.status < right.status; });
    EXPECT_EQ(answers.front().status, 200) << answers.front().body;
    for (std::size_t index = 1; index < answers.size(); ++index)
        expect_error(answers[index], 400, "M_USER_IN_USE", "User ID already taken.");
    EXPECT_EQ(asked(), (Texts{"get_username_for_registration", "get_displayname_for_registration",
                              "check_registration_for_spam", "on_user_registration", "on_user_login"}));
}

TEST_F(AdminTest, AnAdminSaysWhichThirdPartyIdsAUserHas) {
    const std::string bob = server.register_user("bob");
    static_cast<void>(asked());
    const Answer made = admin("PUT", "/v2/users/@alice:hs.test",
                              R"({"password":"pw","threepids":[{"medium":"email","address":" Alice@Example.ORG"},)"
                              R"({"medium":"msisdn","address":"447700900001"}]})");
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.body.at("threepids").as_array().size(), 2U);
    EXPECT_EQ(asked(), (Texts{"check_registration_for_spam", "on_user_registration", "on_add_user_third_party_identifier",
                              "on_threepid_bind", "on_add_user_third_party_identifier", "on_threepid_bind"}));
    EXPECT_EQ(
        post("/login", R"({"type":"m.login.password","password":"pw","medium":"email","address":"alice@example.org"})", {})
            .text("user_id"),
        "@alice:hs.test");
    static_cast<void>(asked());
    const Answer changed = admin(
        "PUT", "/v2/users/@alice:hs.test",
        R"({"threepids":[{"medium":"email","address":"alice@example.org"},{"medium":"email","address":"a@example.org"}]})");
    EXPECT_EQ(changed.status, 200) << changed.body;
    EXPECT_EQ(asked(),
              (Texts{"on_remove_user_third_party_identifier", "on_add_user_third_party_identifier", "on_threepid_bind"}));
    expect_error(admin("PUT", "/v2/users/@bob:hs.test",
                       R"({"displayname":"Bob","threepids":[{"medium":"email","address":"a@example.org"}]})"),
                 400, "M_THREEPID_IN_USE", "Email is already in use");
    EXPECT_EQ(get("/profile/@bob:hs.test", bob).text("displayname"), "bob") << "nothing is done by halves";
    for (const char* const wrong : {R"("x")", R"([5])", R"([{"medium":"fax","address":"1"}])"}) {
        EXPECT_EQ(admin("PUT", "/v2/users/@bob:hs.test", R"({"threepids":)" + std::string(wrong) + "}").text("errcode"),
                  "M_INVALID_PARAM");
    }
    EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"threepids":[]})").body.at("threepids").as_array().size(), 0U);
}

TEST_F(AdminTest, AUserChangesTheirPasswordAndTheirOtherDevicesAreLoggedOut) {
    const std::string alice = server.register_user("alice");
    const auto log_in = [&](const std::string& password) {
        return post("/login", R"({"type":"m.login.password","user":"alice","password":")" + password + "\"}", {});
    };
    const auto change = [&](const std::string& before, const std::string& rest) {
        return post("/account/password",
                    R"({"auth":{"type":"m.login.password","user":"alice","password":")" + before + "\"}" + rest + "}", alice);
    };
    EXPECT_EQ(post("/account/password", R"({"new_password":"new secret"})", alice).status, 401);
    EXPECT_EQ(log_in("new secret").status, 403);
    expect_error(change("wrong", R"(,"new_password":"new secret")"), 401, "M_FORBIDDEN", "Invalid username or password");
    expect_error(change("secret of alice", ""), 400, "M_MISSING_PARAM", "Missing key 'new_password'");
    expect_error(change("secret of alice", R"(,"new_password":"")"), 400, "M_INVALID_PARAM", "Invalid password");
    expect_error(change("secret of alice", R"(,"new_password":5)"), 400, "M_INVALID_PARAM", "'new_password' must be a string");

    const std::string other = log_in("secret of alice").text("access_token");
    EXPECT_EQ(change("secret of alice", R"(,"new_password":"new secret","logout_devices":false)").status, 200);
    EXPECT_EQ(get("/account/whoami", other).status, 200);
    EXPECT_EQ(log_in("secret of alice").status, 403);
    static_cast<void>(asked());
    EXPECT_EQ(change("new secret", R"(,"new_password":"newer secret")").status, 200);
    EXPECT_EQ(asked(), (Texts{"check_auth", "on_logged_out"}));
    EXPECT_EQ(get("/account/whoami", other).status, 401);
    EXPECT_EQ(get("/account/whoami", alice).status, 200);
    EXPECT_EQ(log_in("newer secret").status, 200);
}

TEST_F(AdminTest, ANewPasswordFromAnAdminLogsTheUserOutEverywhere) {
    const std::string alice = server.register_user("alice");
    static_cast<void>(asked());
    EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"password":"new","logout_devices":false})").status, 200);
    EXPECT_EQ(get("/account/whoami", alice).status, 200);
    expect_error(admin("PUT", "/v2/users/@alice:hs.test", R"({"password":""})"), 400, "M_INVALID_PARAM", "Invalid password");
    EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"password":"newer"})").status, 200);
    EXPECT_EQ(get("/account/whoami", alice).status, 401);
    EXPECT_EQ(asked(), Texts{"on_logged_out"});
    EXPECT_EQ(admin("PUT", "/v2/users/@root:hs.test", R"({"password":"mine"})").status, 200);
    EXPECT_EQ(get("/account/whoami", root).status, 200) << "who changes their own password stays";
}

TEST_F(AdminTest, ModulesAreAskedAboutUsersThatAnAdminMakes) {
    expect_error(admin("PUT", "/v2/users/@denied1:hs.test", R"({"password":"x"})"), 429, "M_UNKNOWN", "Rate limited");
    EXPECT_EQ(admin("GET", "/v2/users/@denied1:hs.test").status, 404);
    EXPECT_EQ(admin("PUT", "/v2/users/@shadow1:hs.test", R"({"password":"x"})").body.at("shadow_banned"), true);
    static_cast<void>(asked());
    EXPECT_EQ(admin("PUT", "/v2/users/@fresh:hs.test", R"({"password":"x","displayname":"Fresh"})").status, 201);
    EXPECT_EQ(asked(), (Texts{"check_registration_for_spam", "on_user_registration"}));
}

TEST_F(AdminTest, NobodySeesWhatAShadowBannedUserDoesAndTheyCannotTell) {
    const std::string alice = server.register_user("alice");
    const std::string shadow = server.register_user("shadow1");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", shadow).status, 200);
    const std::string seen = boost::json::serialize(get("/rooms/" + room + "/state", alice).body);
    const std::string own = create_room(shadow, R"({"invite":["@alice:hs.test"]})");
    static_cast<void>(asked());
    for (const Answer& answer :
         {send(room, "buy this", shadow), put("/rooms/" + room + "/state/org.example.x", "{}", shadow),
          put("/rooms/" + room + "/redact/$nothing/1", "{}", shadow),
          put("/rooms/" + own + "/state/m.room.member/@alice:hs.test", R"({"membership":"invite"})", shadow)}) {
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.text("event_id").size(), 44U);
    }
    const auto replayed = [&](const std::string& transaction) {
        return put("/rooms/" + room + "/send/m.room.message/" + transaction, R"({"body":"x"})", shadow).text("event_id");
    };
    EXPECT_EQ(replayed("again"), replayed("again")) << "as for everybody";
    EXPECT_NE(replayed("again"), replayed("another"));
    EXPECT_EQ(post("/rooms/" + own + "/invite", R"({"user_id":"@alice:hs.test"})", shadow).status, 200);
    EXPECT_EQ(put("/profile/@shadow1:hs.test/displayname", R"({"displayname":"Buy this"})", shadow).status, 200);
    EXPECT_EQ(asked(), (Texts{"user_may_send_state_event", "user_may_send_state_event", "on_profile_update"}));
    const Answer history = get("/rooms/" + room + "/messages?dir=b&limit=1", alice);
    EXPECT_EQ(history.body.at("chunk").at(0).at("type"), "m.room.member") << "the join is the last that others see";
    EXPECT_EQ(history.body.at("chunk").at(0).at("content").at("displayname"), "shadow1");
    EXPECT_TRUE(get("/sync", alice).body.at("rooms").at("invite").as_object().empty());
    EXPECT_EQ(boost::json::serialize(get("/rooms/" + room + "/state", alice).body), seen);
}

TEST_F(AdminTest, ModulesMayForbidADeactivation) {
    const std::string keep = server.register_user("nodeactivate1");
    expect_error(admin("POST", "/v1/deactivate/@nodeactivate1:hs.test", "{}"), 403, "M_FORBIDDEN",
                 "Deactivation of this user is forbidden");
    EXPECT_EQ(get("/account/whoami", keep).status, 200);
}

TEST_F(AdminTest, AnAdminDeactivatesAndReactivates) {
    static_cast<void>(server.register_user("alice"));
    EXPECT_EQ(admin("POST", "/v1/deactivate/@alice:hs.test", "{}").status, 200);
    EXPECT_EQ(admin("GET", "/v2/users/@alice:hs.test").body.at("deactivated"), true);
    expect_error(admin("PUT", "/v2/users/@alice:hs.test", R"({"deactivated":false})"), 400, "M_UNKNOWN",
                 "Must provide a password to re-activate an account.");
    static_cast<void>(asked());
    EXPECT_EQ(admin("PUT", "/v2/users/@alice:hs.test", R"({"deactivated":false,"password":"new"})").status, 200);
    EXPECT_EQ(asked(), Texts{"on_user_deactivation_status_changed"});
    EXPECT_EQ(
        post("/login", R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"new"})", {})
            .status,
        200);
    EXPECT_EQ(admin("PUT", "/v2/users/@fresh:hs.test", R"({"password":"x","displayname":"Fresh","admin":true})").status, 201);
    EXPECT_EQ(admin("GET", "/v2/users/@fresh:hs.test").body.at("displayname"), "Fresh");
    EXPECT_EQ(admin("GET", "/v2/users/@nobody:hs.test").status, 404);
}

TEST_F(AdminTest, ShuttingARoomDownRemovesEverybodyAndTheRoom) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat","room_alias_name":"doomed"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const Answer answer = admin("DELETE", "/v1/rooms/" + room, "{}");
    EXPECT_EQ(boost::json::serialize(answer.body.at("kicked_users")), R"(["@alice:hs.test","@bob:hs.test"])");
    EXPECT_EQ(boost::json::serialize(answer.body.at("local_aliases")), R"(["#doomed:hs.test"])");
    EXPECT_EQ(send(room, "anybody?", alice).status, 403);
    EXPECT_EQ(get("/directory/room/%23doomed:hs.test", {}).status, 404);
    EXPECT_TRUE(get("/joined_rooms", bob).body.at("joined_rooms").as_array().empty());
    EXPECT_EQ(admin("DELETE", "/v1/rooms/nonsense", "{}").status, 400);
}

TEST_F(AdminTest, WhoWasInARoomThatWasShutDownIsToldSo) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"invite":["@bob:hs.test"]})");
    expect_error(admin("DELETE", "/v1/rooms/" + room, R"({"block":"yes"})"), 400, "M_INVALID_PARAM",
                 "'block' must be true or false");
    const std::string alice_knows = get("/sync", alice).text("next_batch");
    const std::string bob_knows = get("/sync", bob).text("next_batch");
    EXPECT_EQ(admin("DELETE", "/v1/rooms/" + room, R"({"block":true,"purge":true})").status, 200);
    const auto left = [&](const std::string& token, const std::string& since) {
        return get("/sync?since=" + since, token).body.at("rooms").at("leave").as_object().contains(room);
    };
    EXPECT_TRUE(left(alice, alice_knows));
    EXPECT_TRUE(left(bob, bob_knows));
    EXPECT_FALSE(left(bob, get("/sync", bob).text("next_batch")));
    EXPECT_TRUE(get("/sync", alice).body.at("rooms").at("leave").as_object().empty()) << "who begins anew never knew it";
}

TEST_F(AdminTest, TheUserDirectoryShowsWhomOneMayFind) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string hidden = server.register_user("hidden-bob");
    static_cast<void>(server.register_user("bobby"));
    const auto found = [&](const std::string& term) {
        Texts users;
        const Answer answer = post("/user_directory/search", R"({"search_term":")" + term + "\"}", alice);
        for (const boost::json::value& result : answer.body.at("results").as_array())
            users.emplace_back(result.at("user_id").as_string());
        return users;
    };
    EXPECT_TRUE(found("bob").empty());
    static_cast<void>(create_room(bob));
    EXPECT_TRUE(found("bob").empty()) << "in a private room of his own";
    const std::string open = create_room(bob, R"({"preset":"public_chat"})");
    EXPECT_EQ(found("bob"), Texts{"@bob:hs.test"}) << "anybody may join him there";
    EXPECT_EQ(post("/rooms/" + open + "/leave", "{}", bob).status, 200);
    EXPECT_TRUE(found("bob").empty());
    static_cast<void>(create_room(bob, R"({"preset":"private_chat","visibility":"public"})"));
    EXPECT_EQ(found("bob"), Texts{"@bob:hs.test"}) << "in a listed room";
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", hidden).status, 200);
    EXPECT_EQ(found("BO"), Texts{"@bob:hs.test"}) << "the probe hides hidden-bob, bobby shares no room";
    EXPECT_TRUE(found("ob").empty());
    EXPECT_EQ(
        put("/profile/@bob:hs.test/displayname", R"({"displayname":"\u00c4RGER mit \u039f\u0394\u039f\u03a3"})", bob).status,
        200);
    EXPECT_EQ(found("\u00e4rg"), Texts{"@bob:hs.test"}) << "letters with accents have two cases as well";
    EXPECT_EQ(found("\u03bf\u03b4\u03bf\u03c2 \u00c4r"), Texts{"@bob:hs.test"});
    EXPECT_EQ(post("/user_directory/search", "{}", alice).status, 400);
}

}  // namespace
