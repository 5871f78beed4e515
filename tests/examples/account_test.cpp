#include "room_test.h"
#include "server_process.h"

#include <gtest/gtest.h>
#include <boost/json/serialize.hpp>

#include <string>
#include <thread>
#include <vector>

namespace {

using namespace homeserver_test;

constexpr const char* account_settings =
    "enable_registration: true\nenable_registration_without_verification: true\nworkers: 2\nmodules:\n  - module: "
    "stubborn.Stubborn\n";
const std::string client = "/_matrix/client/v3";

class AccountTest : public testing::Test {
protected:
    [[nodiscard]] Answer post(const std::string& path, const std::string& body, const std::string& token = {}) const {
        return server.request("POST", client + path, body, token);
    }
    [[nodiscard]] Answer get(const std::string& path, const std::string& token = {}) const {
        return server.request("GET", client + path, "", token);
    }
    [[nodiscard]] Answer put(const std::string& path, const std::string& body, const std::string& token) const {
        return server.request("PUT", client + path, body, token);
    }

    TemporaryFolder folder;
    ServerProcess server{folder.path(), account_settings};
};

TEST_F(AccountTest, RegistersInTwoStepsThroughTheDummyStage) {
    const Answer challenge = post("/register", R"({"username":"alice","password":"pw of alice"})");
    EXPECT_EQ(challenge.status, 401);
    EXPECT_EQ(boost::json::serialize(challenge.body.at("flows")), R"([{"stages":["m.login.dummy"]}])");
    EXPECT_TRUE(challenge.body.at("params").is_object());
    const std::string second = R"({"auth":{"type":"m.login.dummy","session":")" + challenge.text("session") + R"("}})";

    const Answer answer = post("/register", second);

    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.text("user_id"), "@alice:hs.test");
    EXPECT_EQ(answer.text("home_server"), "hs.test");
    EXPECT_EQ(get("/account/whoami", answer.text("access_token")).text("device_id"), answer.text("device_id"));
    const Answer repeated = post("/register", second);
    EXPECT_EQ(repeated.status, 200);
    EXPECT_EQ(repeated.text("user_id"), "@alice:hs.test");
}

TEST_F(AccountTest, RegistersWithoutLoggingInWhenAskedTo) {
    const Answer answer =
        post("/register", R"({"username":"alice","password":"x","inhibit_login":true,"auth":{"type":"m.login.dummy"}})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.body.contains("access_token"));
    EXPECT_FALSE(answer.body.contains("device_id"));
}

TEST_F(AccountTest, RefusesAUserNameBeforeAnyAuthentication) {
    static_cast<void>(server.register_user("alice"));
    expect_error(post("/register", R"({"username":"alice","password":"x"})"), 400, "M_USER_IN_USE", "User ID already taken.");
    for (const std::string name : {"Alice", "a b", "\xC3\xA4", "a\\u0000", "", "_a", "123"}) {
        const Answer answer = post("/register", R"({"password":"x","username":")" + name + "\"}");
        EXPECT_EQ(answer.status, 400) << name;
        EXPECT_EQ(answer.text("errcode"), "M_INVALID_USERNAME") << name;
    }
    EXPECT_EQ(post("/register", R"({"password":"x","username":")" + std::string(300, 'a') + "\"}").text("errcode"),
              "M_INVALID_USERNAME");
}

TEST_F(AccountTest, SaysWhetherAUserNameIsAvailable) {
    static_cast<void>(server.register_user("alice"));
    EXPECT_TRUE(get("/register/available?username=bob").body.at("available").as_bool());
    EXPECT_EQ(get("/register/available?username=alice").text("errcode"), "M_USER_IN_USE");
    EXPECT_EQ(get("/register/available").text("errcode"), "M_MISSING_PARAM");
}

TEST_F(AccountTest, MakesOneAccountInASessionHoweverOftenItIsEndedAtOnce) {
    const std::string session = post("/register", R"({"password":"pw"})").text("session");
    std::vector<std::string> users(6);
    {
        std::vector<std::jthread> clients;
        for (std::string& user : users) {
            clients.emplace_back([&, this] {
                user = post("/register", R"({"auth":{"type":"m.login.dummy","session":")" + session + "\"}}").text("user_id");
            });
        }
    }
    EXPECT_FALSE(users.front().empty());
    EXPECT_EQ(users, std::vector<std::string>(users.size(), users.front()));
}

TEST_F(AccountTest, RefusesRegistrationsThatCannotBe) {
    expect_error(post("/register?kind=guest", "{}"), 403, "M_GUEST_ACCESS_FORBIDDEN", "Guest access is disabled");
    EXPECT_EQ(post("/register", R"({"auth":5})").text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(post("/register", R"({"auth":{"session":"none"}})").text("error"), "Unknown session ID: none");
    EXPECT_EQ(post("/register", R"({"username":"a","password":5})").text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(post("/register", R"({"username":"a","auth":{"type":"m.login.dummy"}})").text("errcode"), "M_MISSING_PARAM");
    const Answer unknown_stage = post("/register", R"({"username":"a","password":"x","auth":{"type":"m.login.other"}})");
    EXPECT_EQ(unknown_stage.status, 401);
    EXPECT_TRUE(unknown_stage.body.contains("session"));
}

TEST_F(AccountTest, ListsTheFlowsOfLogin) {
    EXPECT_EQ(boost::json::serialize(get("/login").body),
              R"({"flows":[{"type":"m.login.password"},{"type":"m.login.application_service"}]})");
}

TEST_F(AccountTest, LogsInByEveryFormOfAUserName) {
    static_cast<void>(server.register_user("alice"));
    const std::string password = R"("type":"m.login.password","password":"secret of alice")";
    for (const std::string who :
         {R"("identifier":{"type":"m.id.user","user":"alice"})", R"("identifier":{"type":"m.id.user","user":"@alice:hs.test"})",
          R"("user":"alice")", R"("user":"@Alice:hs.test")"}) {
        const Answer answer = post("/login", "{" + password + "," + who + "}");
        EXPECT_EQ(answer.status, 200) << who;
        EXPECT_EQ(answer.text("user_id"), "@alice:hs.test") << who;
        EXPECT_EQ(get("/account/whoami", answer.text("access_token")).status, 200) << who;
    }
}

TEST_F(AccountTest, RefusesWhatIsNoLogin) {
    static_cast<void>(server.register_user("alice"));
    const std::string forbidden = "Invalid username or password";
    expect_error(post("/login", R"({"type":"m.login.password","user":"alice","password":"wrong"})"), 403, "M_FORBIDDEN",
                 forbidden);
    expect_error(post("/login", R"({"type":"m.login.password","user":"nobody","password":"wrong"})"), 403, "M_FORBIDDEN",
                 forbidden);
    expect_error(post("/login", R"({"type":"m.login.password","user":"@alice:other","password":"secret of alice"})"), 403,
                 "M_FORBIDDEN", forbidden);
    expect_error(post("/login", R"({"type":"m.login.password","medium":"email","address":"a@b.c","password":"x"})"), 403,
                 "M_FORBIDDEN", forbidden);
    expect_error(post("/login", "{}"), 400, "M_UNKNOWN", "Missing JSON keys.");
    expect_error(post("/login", R"({"type":5})"), 400, "M_INVALID_PARAM", "Bad parameter: type");
    expect_error(post("/login", R"({"type":"m.login.password","user":"alice"})"), 400, "M_INVALID_PARAM",
                 "Bad parameter: password");
    expect_error(post("/login", R"({"type":"org.x","user":"alice"})"), 400, "M_UNKNOWN", "Unknown login type org.x");
    expect_error(post("/login", R"({"type":"m.login.password","password":"x","identifier":{"type":"m.id.other"}})"), 400,
                 "M_UNKNOWN", "Unknown login identifier type");
    expect_error(post("/login", R"({"type":"m.login.password","password":"x","medium":"email","address":"a"})"), 400,
                 "M_UNKNOWN", "Unable to parse email address");
    EXPECT_EQ(post("/login", R"({"type":"m.login.password","password":"x"})").text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(post("/login", R"({"type":"m.login.password","user":"alice","password":"secret of alice","device_id":")" +
                                 std::string(513, 'D') + "\"}")
                  .text("errcode"),
              "M_INVALID_PARAM");
}

TEST_F(AccountTest, ReplacesTheTokenOfADeviceThatLogsInAgain) {
    static_cast<void>(server.register_user("alice"));
    const std::string login = R"({"type":"m.login.password","user":"alice","password":"secret of alice","device_id":"PHONE"})";
    const std::string first = post("/login", login).text("access_token");
    const std::string second = post("/login", login).text("access_token");
    EXPECT_EQ(get("/account/whoami", first).status, 401);
    EXPECT_EQ(get("/account/whoami", second).text("device_id"), "PHONE");
}

TEST_F(AccountTest, KnowsATokenFromNone) {
    const std::string token = server.register_user("alice");
    EXPECT_EQ(get("/account/whoami?access_token=" + token).text("user_id"), "@alice:hs.test");
    expect_error(get("/account/whoami"), 401, "M_MISSING_TOKEN", "Missing access token");
    const Answer unknown = get("/account/whoami", "nonsense");
    expect_error(unknown, 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
    EXPECT_FALSE(unknown.body.at("soft_logout").as_bool());
}

TEST_F(AccountTest, LogsOutOneDeviceOrAll) {
    static_cast<void>(server.register_user("alice"));
    const std::string login = R"({"type":"m.login.password","user":"alice","password":"secret of alice"})";
    const std::string first = post("/login", login).text("access_token");
    const std::string second = post("/login", login).text("access_token");
    const std::string third = post("/login", login).text("access_token");

    EXPECT_EQ(post("/logout", "", first).status, 200);
    EXPECT_EQ(get("/account/whoami", first).status, 401);
    EXPECT_EQ(get("/account/whoami", second).status, 200);
    EXPECT_EQ(post("/logout/all", "", second).status, 200);
    EXPECT_EQ(get("/account/whoami", second).status, 401);
    EXPECT_EQ(get("/account/whoami", third).status, 401);
}

TEST_F(AccountTest, LetsAnExpiredAccountDoNothingButLogOut) {
    const std::string token = server.register_user("expired");
    expect_error(get("/account/whoami", token), 403, "ORG_MATRIX_EXPIRED_ACCOUNT", "User account has expired");
    EXPECT_EQ(post("/logout", "", token).status, 200);
    EXPECT_EQ(get("/account/whoami", token).status, 401);
}

TEST_F(AccountTest, KeepsAProfile) {
    const std::string token = server.register_user("alice");
    const std::string profile = "/profile/@alice:hs.test";
    EXPECT_EQ(get(profile).text("displayname"), "alice");
    EXPECT_EQ(put(profile + "/displayname", R"({"displayname":"Alice"})", token).status, 200);
    EXPECT_EQ(put(profile + "/avatar_url", R"({"avatar_url":"mxc://hs/1"})", token).status, 200);
    EXPECT_EQ(boost::json::serialize(get(profile).body), R"({"displayname":"Alice","avatar_url":"mxc://hs/1"})");
    EXPECT_EQ(put(profile + "/displayname", R"({"displayname":""})", token).status, 200);
    EXPECT_TRUE(get(profile + "/displayname").body.empty());
}

TEST_F(AccountTest, CountsTheCharactersOfAName) {
    const std::string token = server.register_user("alice");
    const auto umlauts = [](std::size_t count) {
        std::string text;
        while (count-- > 0) text += "\xC3\xA4";
        return text;
    };
    const std::string profile = "/profile/@alice:hs.test";
    EXPECT_EQ(put(profile + "/displayname", R"({"displayname":")" + umlauts(256) + "\"}", token).status, 200);
    EXPECT_EQ(get(profile).text("displayname"), umlauts(256));
    expect_error(put(profile + "/displayname", R"({"displayname":")" + umlauts(257) + "\"}", token), 400, "M_UNKNOWN",
                 "Displayname is too long (max 256)");
    const std::string device = "/devices/" + get("/account/whoami", token).text("device_id");
    EXPECT_EQ(put(device, R"({"display_name":")" + umlauts(100) + "\"}", token).status, 200);
    EXPECT_EQ(put(device, R"({"display_name":")" + umlauts(101) + "\"}", token).text("errcode"), "M_TOO_LARGE");
}

TEST_F(AccountTest, RefusesAProfileThatIsNotOnesOwn) {
    const std::string token = server.register_user("alice");
    static_cast<void>(server.register_user("bob"));
    expect_error(put("/profile/@bob:hs.test/displayname", R"({"displayname":"x"})", token), 400, "M_FORBIDDEN",
                 "Cannot set another user's displayname");
    EXPECT_EQ(put("/profile/@bob:other/displayname", R"({"displayname":"x"})", token).text("errcode"), "M_UNKNOWN");
    EXPECT_EQ(put("/profile/@alice:hs.test/displayname", "{}", token).text("errcode"), "M_MISSING_PARAM");
    EXPECT_EQ(put("/profile/@alice:hs.test/displayname", R"({"displayname":5})", token).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(put("/profile/@alice:hs.test/displayname", R"({"displayname":")" + std::string(300, 'x') + "\"}", token).status,
              400);
    EXPECT_EQ(get("/profile/@nobody:hs.test").text("errcode"), "M_NOT_FOUND");
    EXPECT_EQ(get("/profile/nonsense").text("errcode"), "M_INVALID_PARAM");
}

TEST_F(AccountTest, KeepsAccountData) {
    const std::string token = server.register_user("alice");
    const std::string global = "/user/@alice:hs.test/account_data/org.example";
    const std::string of_room = "/user/@alice:hs.test/rooms/!r:hs.test/account_data/org.example";
    EXPECT_EQ(put(global, R"({"where":"global"})", token).status, 200);
    EXPECT_EQ(put(of_room, R"({"where":"room"})", token).status, 200);
    EXPECT_EQ(get(global, token).text("where"), "global");
    EXPECT_EQ(get(of_room, token).text("where"), "room");
    EXPECT_EQ(put(global, "{}", token).status, 200);
    EXPECT_TRUE(get(global, token).body.empty());
}

TEST_F(AccountTest, RefusesAccountDataThatIsNotOnesOwn) {
    const std::string token = server.register_user("alice");
    expect_error(put("/user/@bob:hs.test/account_data/x", "{}", token), 403, "M_FORBIDDEN",
                 "Cannot add account data for other users.");
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/m.fully_read", "{}", token).status, 405);
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/m.push_rules", "{}", token).text("errcode"), "M_BAD_JSON");
    EXPECT_EQ(put("/user/@alice:hs.test/rooms/r/account_data/x", "{}", token).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(get("/user/@alice:hs.test/account_data/x", token).text("errcode"), "M_NOT_FOUND");
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/x", "5", token).text("errcode"), "M_BAD_JSON");
}

TEST_F(AccountTest, KeepsPresence) {
    const std::string token = server.register_user("alice");
    static_cast<void>(server.register_user("bob"));
    const std::string status = "/presence/@alice:hs.test/status";
    EXPECT_EQ(get(status, token).text("presence"), "offline");
    EXPECT_EQ(put(status, R"({"presence":"unavailable","status_msg":"tea"})", token).status, 200);
    EXPECT_EQ(get(status, token).text("presence"), "unavailable");
    EXPECT_EQ(get(status, token).text("status_msg"), "tea");
    EXPECT_EQ(put(status, R"({"presence":"elsewhere"})", token).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(put(status, "{}", token).text("errcode"), "M_MISSING_PARAM");
    EXPECT_EQ(put("/presence/@bob:hs.test/status", R"({"presence":"online"})", token).text("errcode"), "M_FORBIDDEN");
    EXPECT_EQ(get("/presence/@bob:hs.test/status", token).text("errcode"), "M_FORBIDDEN");
}

TEST_F(AccountTest, StoresFilters) {
    const std::string token = server.register_user("alice");
    const Answer stored = post("/user/@alice:hs.test/filter", R"({"room":{"timeline":{"limit":5}}})", token);
    EXPECT_EQ(stored.text("filter_id"), "0");
    EXPECT_TRUE(get("/user/@alice:hs.test/filter/0", token).body.contains("room"));
    EXPECT_EQ(get("/user/@alice:hs.test/filter/7", token).text("errcode"), "M_NOT_FOUND");
    EXPECT_EQ(post("/user/@bob:hs.test/filter", "{}", token).text("errcode"), "M_FORBIDDEN");
}

TEST_F(AccountTest, AnswersWhatClientsAskAtTheirLogin) {
    const std::string token = server.register_user("alice");
    const boost::json::object answer = get("/capabilities", token).body;
    const boost::json::object& capabilities = answer.at("capabilities").as_object();
    EXPECT_EQ(capabilities.at("m.room_versions").at("default").as_string(), "10");
    EXPECT_EQ(capabilities.at("m.3pid_changes").at("enabled"), true);
    EXPECT_EQ(capabilities.at("m.change_password").at("enabled"), true);
    EXPECT_EQ(capabilities.at("m.get_login_token").at("enabled"), false) << "as configured";
    EXPECT_TRUE(get("/pushrules/", token).body.at("global").is_object());
    EXPECT_EQ(post("/keys/upload", "{}", token).text("errcode"), "M_UNRECOGNIZED");
}

TEST(ClosedRegistrationTest, RefusesEverybody) {
    const TemporaryFolder folder;
    const ServerProcess server(folder.path(), "");
    expect_error(server.request("POST", client + "/register", R"({"username":"alice","password":"x"})"), 403, "M_FORBIDDEN",
                 "Registration has been disabled");
    EXPECT_EQ(server.request("GET", client + "/register/available?username=a").text("errcode"), "M_FORBIDDEN");
}

}  // namespace
