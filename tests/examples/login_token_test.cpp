#include "admin_server.h"

namespace {

using namespace homeserver_test;

class LoginTokenTest : public ProbedAdminServer {
protected:
    explicit LoginTokenTest(const std::string& settings = "{enabled: true, require_ui_auth: false}")
        : ProbedAdminServer("{name: a, auth: false}", "login_via_existing_session: " + settings + "\n") {}

    [[nodiscard]] Answer get_token(const std::string& token, const std::string& body = "{}") const {
        return server.request("POST", "/_matrix/client/v1/login/get_token", body, token);
    }
    [[nodiscard]] Answer log_in(const std::string& token) const {
        return post("/login", R"({"type":"m.login.token","token":")" + token + "\"}", {});
    }
};

TEST_F(LoginTokenTest, WhoIsLoggedInLetsAnotherDeviceInOnce) {
    const std::string alice = server.register_user("alice");
    EXPECT_EQ(boost::json::serialize(get("/login", {}).body.at("flows").at(0)),
              R"({"type":"m.login.token","get_login_token":true})");
    const Answer token = get_token(alice);
    EXPECT_EQ(token.status, 200) << token.body;
    EXPECT_EQ(token.body.at("expires_in_ms"), 300'000);
    static_cast<void>(asked());

    const Answer answer = log_in(token.text("login_token"));

    EXPECT_EQ(answer.text("user_id"), "@alice:hs.test");
    EXPECT_EQ(get("/account/whoami", answer.text("access_token")).status, 200);
    const boost::json::array asked = journal();
    EXPECT_EQ(asked.at(0).at("callback"), "check_login_for_spam");
    EXPECT_EQ(asked.at(1).at("callback"), "on_user_login");
    EXPECT_EQ(asked.at(1).at("auth_provider_type"), "m.login.token");
    EXPECT_TRUE(asked.at(1).at("auth_provider_id").is_null());
    expect_error(log_in(token.text("login_token")), 403, "M_FORBIDDEN", "Invalid login token");
    EXPECT_EQ(server.log().find(token.text("login_token")), std::string::npos);
}

TEST_F(LoginTokenTest, WhatIsNoTokenLogsNobodyIn) {
    expect_error(log_in("syl_guessed"), 403, "M_FORBIDDEN", "Invalid login token");
    expect_error(post("/login", R"({"type":"m.login.token"})", {}), 400, "M_MISSING_PARAM", "Missing key 'token'");
    expect_error(post("/login", R"({"type":"m.login.token","token":5})", {}), 400, "M_INVALID_PARAM",
                 "'token' must be a string");
    EXPECT_EQ(get_token({}).text("errcode"), "M_MISSING_TOKEN");
}

TEST_F(LoginTokenTest, ADeactivatedUsersTokenIsWorthNothing) {
    const std::string alice = server.register_user("alice");
    const std::string token = get_token(alice).text("login_token");
    EXPECT_EQ(admin("POST", "/v1/deactivate/@alice:hs.test", "{}").status, 200);
    expect_error(log_in(token), 403, "M_USER_DEACTIVATED", "This account has been deactivated");
}

class ExpiredLoginTokenTest : public LoginTokenTest {
protected:
    ExpiredLoginTokenTest() : LoginTokenTest("{enabled: true, require_ui_auth: true, token_timeout: 0}") {}
};

TEST_F(ExpiredLoginTokenTest, ATokenHasToBeProvedForAndEndsWithItsTime) {
    const std::string alice = server.register_user("alice");
    EXPECT_EQ(get_token(alice).status, 401);
    const Answer token = get_token(
        alice,
        R"({"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice"}})");
    EXPECT_EQ(token.status, 200) << token.body;
    expect_error(log_in(token.text("login_token")), 403, "M_FORBIDDEN", "Invalid login token");
}

class NoLoginTokenTest : public LoginTokenTest {
protected:
    NoLoginTokenTest() : LoginTokenTest("{enabled: false}") {}
};

TEST_F(NoLoginTokenTest, NobodyGetsATokenUnlessTheServerAllowsIt) {
    expect_error(get_token(root), 404, "M_UNRECOGNIZED", "Unrecognized request");
    EXPECT_EQ(get("/login", {}).body.at("flows").as_array().size(), 2U);
}

}  // namespace
