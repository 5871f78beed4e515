#include "../../examples/modules/shared_secret_authenticator/shared_secret_authenticator.h"

#include <modapi/testing/host.h>

#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>

namespace {

using modapi::testing::Host;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string alice = "@alice:example.org";
const std::string secret = "correct horse battery staple";
/// printf %s @alice:example.org | openssl dgst -sha512 -hmac "correct horse battery staple"
const std::string token =
    "3b944dd674bc9cbd25f08d1c9ecc6bffc86f8e45804ba57cc868e548836d1c3d"
    "5392c19259ca86c27add173c9729f315222ebe37f068fa92780dc30bbe4ed7bc";
/// The same of @nobody:example.org.
const std::string token_of_nobody =
    "69b955f263b7c8f1955531dd4dbd13198b561291ad244ef032fe82a137620a56"
    "51aa0b342ac6960f0b02156dfd36e20d74c70129e50b80b44d164034d99efae5";

const std::string own_type = "com.devture.shared_secret_auth";
const std::string password_type = "m.login.password";

class SharedSecretAuthProviderTest : public testing::Test {
protected:
    SharedSecretAuthProviderTest() { host.server.add_user(alice); }
    void load(const std::string& rest = {}) { host.load<SharedSecretAuthProvider>("{shared_secret: " + secret + rest + "}"); }
    /// Whom a login gets in as; nobody: empty.
    std::string login(const std::string& type, const std::string& user, const callbacks::JsonValue& given) {
        callbacks::JsonDict fields;
        fields[type == own_type ? "token" : "password"] = given;
        const auto* const checkers = host.hooks().password_auth_provider.auth_checkers.find_if(
            [&](const callbacks::LoginType& registered) { return registered.type == type; });
        if (checkers == nullptr) throw std::logic_error("nobody registered " + type);
        const std::optional<callbacks::AuthResult> result = host.run((*checkers)(user, type, fields));
        if (!result) return {};
        EXPECT_FALSE(result->on_response);
        return result->user_id;
    }
    [[nodiscard]] std::vector<std::string> registered_types() {
        std::vector<std::string> types;
        host.hooks().password_auth_provider.auth_checkers.each_key(
            [&](const callbacks::LoginType& type, const auto&) { types.push_back(type.type + " " + type.fields.at(0)); });
        return types;
    }

    Host host;
};

TEST_F(SharedSecretAuthProviderTest, TheTokenLogsInByNameAndByFullId) {
    load();
    EXPECT_EQ(login(own_type, "alice", token.c_str()), alice);
    EXPECT_EQ(login(own_type, alice, token.c_str()), alice);
}

TEST_F(SharedSecretAuthProviderTest, WhatIsNotExactlyTheTokenIsRefused) {
    load();
    std::string capitals = token;
    std::transform(capitals.begin(), capitals.end(), capitals.begin(), [](unsigned char c) { return std::toupper(c); });
    std::string changed = token;
    changed.back() = 'd';
    for (const std::string& wrong : {capitals, changed, std::string(), std::string(128, '0'), token + "0", token.substr(1),
                                     token + std::string(1, '\0')}) {
        EXPECT_EQ(login(own_type, alice, callbacks::JsonValue(wrong)), "") << wrong;
    }
    host.server.add_user("@bob:example.org");
    EXPECT_EQ(login(own_type, "bob", token.c_str()), "") << "another user's token";
}

TEST_F(SharedSecretAuthProviderTest, ATokenThatIsNoStringIsRefused) {
    load();
    callbacks::JsonArray list;
    list.emplace_back(token);
    for (const callbacks::JsonValue& wrong :
         {callbacks::JsonValue(nullptr), callbacks::JsonValue(0), callbacks::JsonValue(true), callbacks::JsonValue(list),
          callbacks::JsonValue(callbacks::JsonDict())}) {
        EXPECT_EQ(login(own_type, alice, wrong), "") << wrong;
    }
}

TEST_F(SharedSecretAuthProviderTest, NobodyIsCreated) {
    load();
    EXPECT_EQ(login(own_type, "nobody", token_of_nobody.c_str()), "");
    host.server.add_user("@nobody:example.org");
    EXPECT_EQ(login(own_type, "nobody", token_of_nobody.c_str()), "@nobody:example.org");
}

TEST_F(SharedSecretAuthProviderTest, OnlyTheEnabledTypesAreRegistered) {
    load();
    EXPECT_THAT(registered_types(), ElementsAre("com.devture.shared_secret_auth token"));
    Host passwords;
    passwords.load<SharedSecretAuthProvider>(
        "{shared_secret: s, com_devture_shared_secret_auth_support_enabled: false, m_login_password_support_enabled: true}");
    std::vector<std::string> types;
    passwords.hooks().password_auth_provider.auth_checkers.each_key(
        [&](const callbacks::LoginType& type, const auto&) { types.push_back(type.type); });
    EXPECT_THAT(types, ElementsAre("m.login.password"));
}

TEST_F(SharedSecretAuthProviderTest, AsAPasswordTheTokenWorksAndAnythingElseIsLeftToOthers) {
    load(", m_login_password_support_enabled: true");
    EXPECT_THAT(registered_types(), ElementsAre("com.devture.shared_secret_auth token", "m.login.password password"));
    EXPECT_EQ(login(password_type, "alice", token.c_str()), alice);
    EXPECT_EQ(login(password_type, "alice", "her own"), "");
    EXPECT_EQ(login(own_type, "alice", token.c_str()), alice);
}

TEST_F(SharedSecretAuthProviderTest, NeitherSecretNorTokenIsLogged) {
    load(", m_login_password_support_enabled: true");
    const std::string wrong = "0123456789abcdef";
    for (const std::string& type : {own_type, password_type}) {
        EXPECT_EQ(login(type, "alice", token.c_str()), alice);
        EXPECT_EQ(login(type, "alice", wrong.c_str()), "");
        EXPECT_EQ(login(type, "nobody", token_of_nobody.c_str()), "");
    }
    host.stop();
    ASSERT_THAT(host.log(), HasSubstr("auth_checkers")) << "logins are logged at all";
    for (const std::string& hidden : {secret, token, token_of_nobody, wrong}) EXPECT_THAT(host.log(), Not(HasSubstr(hidden)));
}

TEST(SharedSecretAuthProviderConfiguration, MistakesAreNamedWithTheirPlaceAndWithoutTheSecret) {
    const auto mistake_in = [](const std::string& config) -> std::string {
        Host host;
        try {
            host.load<SharedSecretAuthProvider>(config);
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "no mistake";
    };
    EXPECT_THAT(mistake_in("{}"), HasSubstr("modules[0].config.shared_secret: is required"));
    EXPECT_THAT(mistake_in("{shared_secret: ''}"), HasSubstr("modules[0].config.shared_secret: must not be empty"));
    EXPECT_THAT(mistake_in("{shared_secret: 12345}"), HasSubstr("modules[0].config.shared_secret: must be a string"));
    const std::string both_off = mistake_in("{shared_secret: hidden, com_devture_shared_secret_auth_support_enabled: false}");
    EXPECT_THAT(both_off, HasSubstr("modules[0].config.com_devture_shared_secret_auth_support_enabled: must be true unless"));
    EXPECT_THAT(both_off, Not(HasSubstr("hidden")));
    EXPECT_THAT(mistake_in("{shared_secret: hidden, secret: hidden}"),
                HasSubstr("modules[0].config.secret: is not a known key"));
}

}  // namespace
