#include "module_api_test.h"
#include "patience.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

namespace {

using namespace homeserver_test;

const std::string resource = "/_synapse/client/email_account_validity";

/// Two workers, so that what one of them remembers of an account has to be forgotten when the other renews it.
class AccountValidityServer : public ModuleApiServer {
protected:
    explicit AccountValidityServer(const std::string& more_of_the_module = {})
        : ModuleApiServer(
              "  - module: email_account_validity.EmailAccountValidity\n"
              "    config:\n      period: 30d\n      renew_at: 7d\n" +
                  more_of_the_module + "email: {sink_path: mails.jsonl}\n",
              2) {}

    /// Registers with an e-mail address; gives the access token.
    [[nodiscard]] std::string user_with_address(const std::string& name) const {
        EXPECT_EQ(text("register_user", "[\"" + name + "\",null,[\"" + name + "@mail.test\"]]"), "@" + name + ":hs.test");
        return std::string(result("register_device", "[\"@" + name + ":hs.test\"]").at("access_token").as_string());
    }
    [[nodiscard]] Answer set_end(const std::string& name, std::int64_t expiration_ts) const {
        return server.request("POST", resource + "/admin",
                              R"({"user_id":"@)" + name + R"(:hs.test","expiration_ts":)" + std::to_string(expiration_ts) + "}",
                              root);
    }
    [[nodiscard]] Answer who_am_i(const std::string& token) const { return get("/account/whoami", token); }
    /// Whether so many requests in a row are answered so: about half of them by either worker.
    [[nodiscard]] bool is_answered_by_all(const std::string& token, int status) const {
        constexpr int in_a_row = 20;
        for (int request = 0; request < in_a_row; ++request) {
            if (who_am_i(token).status != status) return false;
        }
        return true;
    }
    /// The same, once an invalidation has come to the other worker.
    [[nodiscard]] bool comes_to_be_answered_by_all(const std::string& token, int status) const {
        for (const Patience patience; patience.is_left();) {
            if (is_answered_by_all(token, status)) return true;
        }
        return false;
    }
    /// The text of the only mail.
    [[nodiscard]] std::string mail() const {
        std::ifstream in(folder.path() / "mails.jsonl");
        const std::string lines{std::istreambuf_iterator<char>(in), {}};
        return std::string(boost::json::parse(lines).at("text").as_string());
    }
};

TEST_F(AccountValidityServer, AnExpiredAccountIsRefusedEverywhereAndRenewedByTheLinkOfItsMail) {
    const std::string alice = user_with_address("alice");
    EXPECT_TRUE(is_answered_by_all(alice, 200)) << "a registration begins a period";
    EXPECT_EQ(set_end("alice", 1).status, 200);
    EXPECT_TRUE(comes_to_be_answered_by_all(alice, 403));
    EXPECT_EQ(who_am_i(alice).text("errcode"), "ORG_MATRIX_EXPIRED_ACCOUNT");
    EXPECT_EQ(get("/sync", alice).text("errcode"), "ORG_MATRIX_EXPIRED_ACCOUNT");
    EXPECT_EQ(post("/createRoom", "{}", alice).text("errcode"), "ORG_MATRIX_EXPIRED_ACCOUNT");

    EXPECT_EQ(server.request("POST", resource + "/send_mail", "{}", alice).status, 200);
    const std::string text = mail();
    const std::string begin = "http://hs.test" + resource + "/renew?token=";
    const std::size_t at = text.find(begin);
    ASSERT_NE(at, std::string::npos) << text;
    constexpr std::size_t token_length = 32;
    const std::string link = resource + "/renew?token=" + text.substr(at + begin.size(), token_length);
    EXPECT_EQ(server.request("GET", link + "x").status, 400);
    const Answer renewed = server.request("GET", link);
    EXPECT_EQ(renewed.status, 200);
    EXPECT_THAT(renewed.header("Content-Type"), testing::StartsWith("text/html"));
    EXPECT_TRUE(comes_to_be_answered_by_all(alice, 200)) << "a worker still remembers the old end";
    EXPECT_EQ(server.request("GET", link).status, 200) << "used before";

    EXPECT_EQ(set_end("alice", 1).status, 200);
    EXPECT_TRUE(comes_to_be_answered_by_all(alice, 403));
    EXPECT_EQ(post("/logout", "{}", alice).status, 200);
    EXPECT_THAT(server.log(), testing::Not(testing::HasSubstr(text.substr(at + begin.size(), token_length))));
}

TEST_F(AccountValidityServer, OnlyAdminsSetAnEnd) {
    const std::string bob = server.register_user("bob");
    const Answer refused = server.request("POST", resource + "/admin", R"({"user_id":"@bob:hs.test"})", bob);
    expect_error(refused, 403, "M_FORBIDDEN", "You are not a server admin");
}

class TypedTokenServer : public AccountValidityServer {
protected:
    TypedTokenServer() : AccountValidityServer("      send_links: false\n") {}
};

TEST_F(TypedTokenServer, AnExpiredAccountTypesItsOwnTokenIn) {
    const std::string alice = user_with_address("alice");
    const std::string bob = server.register_user("bob");
    EXPECT_EQ(set_end("alice", 1).status, 200);
    EXPECT_TRUE(comes_to_be_answered_by_all(alice, 403));
    EXPECT_EQ(server.request("POST", resource + "/send_mail", "{}", alice).status, 200);
    const std::string text = mail();
    const std::size_t at = text.find("to renew it: ");
    ASSERT_NE(at, std::string::npos) << text;
    constexpr std::size_t token_length = 8;
    const std::string target = resource + "/renew?token=" + text.substr(at + std::string("to renew it: ").size(), token_length);
    EXPECT_EQ(server.request("GET", target).status, 400);
    EXPECT_EQ(server.request("GET", target, "", bob).status, 400);
    EXPECT_EQ(server.request("GET", target, "", alice).status, 200);
    EXPECT_TRUE(comes_to_be_answered_by_all(alice, 200));
}

/// Accounts from before the module.
class AccountsWithoutEndTest : public AdminServer {
protected:
    AccountsWithoutEndTest() : AdminServer("") {}
};

TEST_F(AccountsWithoutEndTest, GetOneWhenTheServerStartsWithTheModule) {
    const std::string alice = server.register_user("alice");
    server.kill();
    static_cast<void>(server.wait());
    const ServerProcess with_module(folder.path(),
                                    "modules:\n  - module: email_account_validity.EmailAccountValidity\n"
                                    "    config: {period: 30d, renew_at: 7d}\nemail: {sink_path: mails.jsonl}\n");
    EXPECT_EQ(with_module.request("GET", client + "/account/whoami", "", alice).status, 200);
    EXPECT_EQ(with_module.request("POST", resource + "/send_mail", "{}", alice).status, 200)
        << "what has no end is refused with 400";
}

}  // namespace
