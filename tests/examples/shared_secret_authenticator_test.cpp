#include "room_test.h"

/// The ported SharedSecretAuthProvider in the server, over HTTP.
namespace {

using namespace homeserver_test;

const std::string secret = "correct horse battery staple";
/// printf %s @alice:hs.test | openssl dgst -sha512 -hmac "correct horse battery staple"
const std::string login_key =
    "edcdc94b16fbcffe0755fc977f8b3aadaae18a4f2bc2f31e4d10e6fa27fef1b4"
    "659a5e2e39695398c062fe348c7704cac1e99714f57d1d0c9f6ce6ac7e770d2b";

const std::string own_type = "com.devture.shared_secret_auth";
const std::string password_type = "m.login.password";

std::string module_with(const std::string& rest) {
    return "modules:\n  - module: shared_secret_authenticator.SharedSecretAuthProvider\n    config: {shared_secret: " + secret +
           rest + "}\n";
}

class SharedSecretServer : public RoomTest {
protected:
    explicit SharedSecretServer(const std::string& rest = {}) : RoomTest(module_with(rest)) {
        static_cast<void>(server.register_user("alice"));
    }
    [[nodiscard]] Answer login(const std::string& type, const std::string& user, const std::string& given) const {
        const std::string field = type == own_type ? "token" : "password";
        return post("/login",
                    R"({"type":")" + type + R"(","identifier":{"type":"m.id.user","user":")" + user + R"("},")" + field +
                        R"(":")" + given + R"("})",
                    {});
    }
    [[nodiscard]] std::vector<std::string> offered_types() const {
        const Answer answer = get("/login", {});
        std::vector<std::string> types;
        for (const boost::json::value& flow : answer.body.at("flows").as_array())
            types.emplace_back(flow.at("type").as_string());
        return types;
    }
};

class SharedSecretServerWithPasswords : public SharedSecretServer {
protected:
    SharedSecretServerWithPasswords()
        : SharedSecretServer(
              ", com_devture_shared_secret_auth_support_enabled: false, m_login_password_support_enabled: true") {}
};

TEST_F(SharedSecretServer, TheTokenLogsInAndNothingElseDoes) {
    EXPECT_EQ(login(own_type, "alice", login_key).text("user_id"), "@alice:hs.test");
    EXPECT_EQ(login(own_type, "@alice:hs.test", login_key).text("user_id"), "@alice:hs.test");
    std::string changed = login_key;
    changed.back() = changed.back() == '0' ? '1' : '0';
    for (const std::string& wrong : {changed, std::string(), std::string(128, '0')})
        expect_error(login(own_type, "alice", wrong), 403, "M_FORBIDDEN", "Invalid username or password");
    expect_error(login(own_type, "nobody", login_key), 403, "M_FORBIDDEN", "Invalid username or password");
    EXPECT_EQ(login(password_type, "alice", login_key).status, 403) << "only the type that is on";
    EXPECT_EQ(login(password_type, "alice", "secret of alice").status, 200);
    EXPECT_EQ(offered_types(),
              (std::vector<std::string>{"m.login.password", "com.devture.shared_secret_auth", "m.login.application_service"}));
    for (const std::string& hidden : {secret, login_key, changed}) EXPECT_EQ(server.log().find(hidden), std::string::npos);
}

TEST_F(SharedSecretServerWithPasswords, AWrongTokenFallsThroughToTheServersOwnPasswords) {
    EXPECT_EQ(login(password_type, "alice", login_key).text("user_id"), "@alice:hs.test");
    EXPECT_EQ(login(password_type, "alice", "secret of alice").text("user_id"), "@alice:hs.test");
    expect_error(login(password_type, "alice", "wrong"), 403, "M_FORBIDDEN", "Invalid username or password");
    EXPECT_EQ(login(own_type, "alice", login_key).status, 400) << "a type that nobody registered";
    EXPECT_EQ(offered_types(), (std::vector<std::string>{"m.login.password", "m.login.application_service"}));
}

}  // namespace
