#include "../../examples/modules/email_account_validity/email_account_validity.h"

#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <set>

namespace {

using namespace std::chrono_literals;
using account_validity::Expiration;
using account_validity::subject_of;
using account_validity::ValidityTable;
using modapi::Response;
using modapi::Transaction;
using modapi::testing::FakeUser;
using modapi::testing::Host;
using modapi::testing::SentMail;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t day_ms = std::int64_t{24} * 3600 * 1000;
constexpr std::chrono::hours day(24);
constexpr const char* links = "{period: 30d, renew_at: 7d}";
constexpr const char* typed_tokens = "{period: 30d, renew_at: 7d, send_links: false}";
const std::string alice = "@alice:example.org";
const std::string bob = "@bob:example.org";
const std::string renew_path = "/_synapse/client/email_account_validity/renew";
const std::string send_mail_path = "/_synapse/client/email_account_validity/send_mail";
const std::string admin_path = "/_synapse/client/email_account_validity/admin";

/// Draws what a test says, then at random. Counts.
class ScriptedTokens : public EmailAccountValidity {
public:
    ScriptedTokens(Config config, modapi::ModuleApi& api) : EmailAccountValidity(std::move(config), api, &next) {
        script.clear();
        drawn = 0;
    }
    static inline std::deque<std::string> script;
    static inline int drawn = 0;

private:
    static std::string next(std::size_t length, std::string_view alphabet) {
        ++drawn;
        if (script.empty()) return account_validity::unguessable_text(length, alphabet);
        std::string text = script.front();
        script.pop_front();
        return text;
    }
};

std::optional<std::int64_t> read_expiration(Transaction& transaction, const std::string& user_id) {
    const auto row =
        transaction.query_one<std::int64_t>("SELECT expiration_ts_ms FROM email_account_validity WHERE user_id = ?", user_id);
    if (!row) return std::nullopt;
    return std::get<0>(*row);
}
bool read_email_sent(Transaction& transaction, const std::string& user_id) {
    const auto row = transaction.query_one<bool>("SELECT email_sent FROM email_account_validity WHERE user_id = ?", user_id);
    return std::get<0>(row.value());
}
std::vector<std::int64_t> read_expirations(Transaction& transaction) {
    std::vector<std::int64_t> times;
    for (const auto& [time] : transaction.query<std::int64_t>("SELECT expiration_ts_ms FROM email_account_validity"))
        times.push_back(time);
    return times;
}
void move_expiration(Transaction& transaction, const std::string& user_id, std::int64_t expiration_ts) {
    transaction.execute("UPDATE email_account_validity SET expiration_ts_ms = ? WHERE user_id = ?", expiration_ts, user_id);
}

class EmailAccountValidityTest : public testing::Test {
protected:
    FakeUser& add_user(const std::string& user_id, const std::vector<std::string>& addresses) {
        FakeUser& user = host.server.add_user(user_id);
        for (const std::string& address : addresses) {
            callbacks::ThirdPartyID id;
            id.medium = "email";
            id.address = address;
            user.threepids.push_back(std::move(id));
        }
        return user;
    }
    void load(const std::string& config) { host.load<ScriptedTokens>(config); }
    void register_user(const std::string& user_id, const std::vector<std::string>& addresses) {
        add_user(user_id, addresses);
        ASSERT_FALSE(host.call(host.hooks().account_validity.on_user_registration, user_id).failed());
    }
    auto is_expired(const std::string& user_id) { return host.call(host.hooks().account_validity.is_user_expired, user_id); }
    std::optional<std::int64_t> expiration_of(const std::string& user_id) {
        return host.run(host.database().read("test", &read_expiration, user_id));
    }
    bool email_sent(const std::string& user_id) { return host.run(host.database().read("test", &read_email_sent, user_id)); }
    [[nodiscard]] std::int64_t now() { return host.worker().environment().clock->wall_time_ms(); }

    Response renew(const std::string& token, const std::string& access_token = {}) {
        return host.request("GET", renew_path + "?token=" + token, {}, access_token);
    }
    Response send_mail(const std::string& access_token) { return host.request("POST", send_mail_path, "{}", access_token); }
    Response admin(const std::string& body) {
        FakeUser& root = host.server.add_user("@root:example.org");
        root.is_admin = true;
        return host.request("POST", admin_path, body, root.access_token);
    }
    /// The token in the link of a mail.
    static std::string token_in(const SentMail& mail) {
        const std::string begin = "http://example.org" + renew_path + "?token=";
        const std::size_t at = mail.text.find(begin);
        if (at == std::string::npos) return "no link in: " + mail.text;
        const std::size_t from = at + begin.size();
        return mail.text.substr(from, mail.text.find('\n', from) - from);
    }
    static std::string error_of(const Response& response) {
        return std::to_string(response.status) + " " + std::string(boost::json::parse(response.body).at("errcode").as_string());
    }
    std::string refusal_of(const std::string& config) {
        try {
            load(config);
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "it was loaded";
    }
    std::vector<std::string> recipients() {
        std::vector<std::string> all;
        for (const SentMail& mail : host.server.mails) all.push_back(mail.recipient);
        return all;
    }

    Host host;
};

TEST_F(EmailAccountValidityTest, ExpiresAnAccountWhenItsPeriodIsOverAndNobodyElse) {
    load(links);
    register_user(alice, {});
    EXPECT_EQ(expiration_of(alice), now() + 30 * day_ms);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(false)));
    EXPECT_TRUE(answers(is_expired("@unknown:example.org"), std::optional<bool>()));
    host.advance(30 * day - 1ms);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(false)));
    host.advance(1ms);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(true)));
}

TEST_F(EmailAccountValidityTest, ARegistrationBeginsAPeriodAlsoWhereARowIs) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    host.advance(24 * day);
    EXPECT_TRUE(email_sent(alice));
    register_user(alice, {});
    EXPECT_FALSE(email_sent(alice));
    EXPECT_EQ(expiration_of(alice), now() + 30 * day_ms);
}

TEST_F(EmailAccountValidityTest, MailsOnceWhenTheEndIsNear) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    host.server.user(alice).displayname = "Alice";
    host.advance(23 * day - 1min);
    EXPECT_THAT(host.server.mails, testing::IsEmpty());
    host.advance(1min);
    ASSERT_EQ(host.server.mails.size(), 1U);
    const SentMail& mail = host.server.mails[0];
    EXPECT_EQ(mail.recipient, "alice@mail.test");
    EXPECT_EQ(mail.subject, "Renew your Matrix account");
    EXPECT_THAT(mail.text, HasSubstr("Hello Alice,"));
    EXPECT_THAT(mail.text, HasSubstr("expires on 2024-01-31 00:00 UTC"));
    EXPECT_THAT(token_in(mail), testing::MatchesRegex("[A-Za-z]{32}"));
    EXPECT_THAT(mail.html, HasSubstr(token_in(mail)));
    EXPECT_TRUE(email_sent(alice));
    host.advance(2h);
    EXPECT_EQ(host.server.mails.size(), 1U);
}

TEST_F(EmailAccountValidityTest, MailsWhoHasExpiredAlready) {
    load(links);
    register_user(alice, {});
    host.advance(40 * day);
    add_user(alice, {"alice@mail.test"});
    host.advance(30min);
    EXPECT_EQ(recipients(), std::vector<std::string>{"alice@mail.test"});
}

TEST_F(EmailAccountValidityTest, LooksAgainForTheAddressOfWhoHasNone) {
    load(links);
    register_user(alice, {});
    callbacks::ThirdPartyID phone;
    phone.medium = "msisdn";
    phone.address = "49123456";
    host.server.user(alice).threepids.push_back(phone);
    host.advance(23 * day + 1h);
    EXPECT_THAT(host.server.mails, testing::IsEmpty());
    EXPECT_FALSE(email_sent(alice));
    EXPECT_EQ(ScriptedTokens::drawn, 0);
    add_user(alice, {"alice@mail.test"});
    host.advance(30min);
    EXPECT_EQ(recipients(), std::vector<std::string>{"alice@mail.test"});
}

TEST_F(EmailAccountValidityTest, MailsTheSameTokenToAllAddresses) {
    load(links);
    register_user(alice, {"alice@mail.test", "alice@work.test"});
    host.advance(23 * day);
    EXPECT_EQ(recipients(), (std::vector<std::string>{"alice@mail.test", "alice@work.test"}));
    ASSERT_EQ(host.server.mails.size(), 2U);
    EXPECT_EQ(token_in(host.server.mails[0]), token_in(host.server.mails[1]));
}

TEST_F(EmailAccountValidityTest, MailsTheOthersWhenOneMailIsRefusedAndTriesThatAgain) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    register_user(bob, {"bob@mail.test"});
    host.server.fail_next("send_mail", "the mail server is down");
    host.advance(23 * day);
    EXPECT_EQ(recipients(), std::vector<std::string>{"bob@mail.test"});
    EXPECT_FALSE(email_sent(alice));
    EXPECT_TRUE(email_sent(bob));
    EXPECT_THAT(host.log(), HasSubstr("no notice was sent to @alice:example.org"));
    host.advance(30min);
    EXPECT_EQ(recipients(), (std::vector<std::string>{"bob@mail.test", "alice@mail.test"}));
}

TEST_F(EmailAccountValidityTest, OneOfTwoAddressesIsEnough) {
    load(links);
    register_user(alice, {"gone@mail.test", "alice@work.test"});
    host.server.fail_next("send_mail", "no such mailbox");
    host.advance(24 * day);
    EXPECT_EQ(recipients(), std::vector<std::string>{"alice@work.test"});
    EXPECT_TRUE(email_sent(alice));
    EXPECT_THAT(host.log(), Not(HasSubstr("gone@mail.test")));
}

TEST_F(EmailAccountValidityTest, NamesAUserByTheIdWhereThereIsNoDisplayName) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    register_user(bob, {"bob@mail.test"});
    host.server.user(bob).displayname = "Bob";
    host.server.fail_next("get_profile_for_user", "first without profile");
    host.server.fail_next("get_profile_for_user", "then out of order");
    host.advance(23 * day);
    ASSERT_EQ(host.server.mails.size(), 2U);
    EXPECT_THAT(host.server.mails[0].text, HasSubstr("Hello @alice:example.org,"));
    EXPECT_THAT(host.server.mails[1].text, HasSubstr("Hello @bob:example.org,"));
}

TEST_F(EmailAccountValidityTest, EscapesADisplayNameInHtmlAndNotInText) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    host.server.user(alice).displayname = "<b>x</b>";
    host.advance(23 * day);
    ASSERT_EQ(host.server.mails.size(), 1U);
    EXPECT_THAT(host.server.mails[0].html, HasSubstr("&lt;b&gt;x&lt;/b&gt;"));
    EXPECT_THAT(host.server.mails[0].html, Not(HasSubstr("<b>x")));
    EXPECT_THAT(host.server.mails[0].text, HasSubstr("Hello <b>x</b>,"));
}

TEST_F(EmailAccountValidityTest, ALinkRenewsOnce) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    host.advance(31 * day);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(true)));
    ASSERT_EQ(host.server.mails.size(), 1U);
    const std::string token = token_in(host.server.mails[0]);

    const Response renewed = renew(token);
    EXPECT_EQ(renewed.status, 200);
    EXPECT_THAT(renewed.body, HasSubstr("is renewed. It is valid until 2024-03-02 00:00 UTC"));
    const std::int64_t end = now() + 30 * day_ms;
    EXPECT_EQ(expiration_of(alice), end);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(false)));
    EXPECT_FALSE(email_sent(alice)) << "there is a mail for each period";

    host.advance(1h);
    const Response again = renew(token);
    EXPECT_EQ(again.status, 200);
    EXPECT_THAT(again.body, HasSubstr("was renewed before"));
    EXPECT_THAT(again.body, HasSubstr("2024-03-02 00:00 UTC"));
    EXPECT_EQ(expiration_of(alice), end);

    host.advance(23 * day);
    EXPECT_EQ(host.server.mails.size(), 2U);
    EXPECT_EQ(renew(token).status, 400) << "the next mail has another one";
}

TEST_F(EmailAccountValidityTest, WhatIsNoTokenRenewsNothing) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    host.advance(23 * day);
    const std::optional<std::int64_t> end = expiration_of(alice);
    for (const std::string& bogus : {std::string(32, 'x'), std::string(31, 'x'), std::string("12345678"), std::string(),
                                     std::string("%27%20OR%201=1"), std::string(32, '1')}) {
        const Response response = renew(bogus, host.server.user(alice).access_token);
        EXPECT_EQ(response.status, 400) << bogus;
        EXPECT_THAT(response.body, HasSubstr("not valid")) << bogus;
    }
    EXPECT_EQ(host.request("GET", renew_path).status, 400);
    EXPECT_EQ(expiration_of(alice), end);
}

TEST_F(EmailAccountValidityTest, ALinkIsGoodForItsOwnerAndForWhoIsNotLoggedIn) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    register_user(bob, {});
    host.advance(23 * day);
    ASSERT_EQ(host.server.mails.size(), 1U);
    const std::string token = token_in(host.server.mails[0]);
    EXPECT_EQ(renew(token, host.server.user(bob).access_token).status, 400);
    EXPECT_EQ(renew(token, "no access token").status, 200);
    EXPECT_THAT(renew(token, host.server.user(alice).access_token).body, HasSubstr("was renewed before"));
}

TEST_F(EmailAccountValidityTest, AFailureToAuthenticateIsNoRenewalByAStranger) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    host.advance(23 * day);
    ASSERT_EQ(host.server.mails.size(), 1U);
    const std::optional<std::int64_t> end = expiration_of(alice);
    host.server.fail_next("get_user_by_req", "the database is gone");
    EXPECT_EQ(renew(token_in(host.server.mails[0])).status, 500);
    host.server.user(alice).is_guest = true;
    EXPECT_EQ(renew(token_in(host.server.mails[0]), host.server.user(alice).access_token).status, 403);
    EXPECT_EQ(expiration_of(alice), end);
}

TEST_F(EmailAccountValidityTest, ATypedTokenIsItsOwnersAlone) {
    load(typed_tokens);
    register_user(alice, {"alice@mail.test"});
    register_user(bob, {});
    ScriptedTokens::script = {"12345678"};
    host.advance(31 * day);
    ASSERT_EQ(host.server.mails.size(), 1U);
    EXPECT_THAT(host.server.mails[0].text, HasSubstr("12345678"));
    EXPECT_THAT(host.server.mails[0].text, Not(HasSubstr("http")));
    EXPECT_THAT(host.server.mails[0].html, HasSubstr("12345678"));
    EXPECT_THAT(host.server.mails[0].html, Not(HasSubstr("<a ")));
    host.server.user(alice).is_expired = true;
    EXPECT_EQ(renew("12345678").status, 400);
    EXPECT_EQ(renew("12345678", host.server.user(bob).access_token).status, 400);
    EXPECT_EQ(renew("12345678", host.server.user(alice).access_token).status, 200);
    EXPECT_EQ(expiration_of(alice), now() + 30 * day_ms);
}

TEST_F(EmailAccountValidityTest, TwoAccountsMayHaveTheSameTypedToken) {
    load(typed_tokens);
    register_user(alice, {"alice@mail.test"});
    register_user(bob, {"bob@mail.test"});
    ScriptedTokens::script = {"12345678", "12345678"};
    host.advance(23 * day);
    EXPECT_EQ(host.server.mails.size(), 2U);
    EXPECT_EQ(renew("12345678", host.server.user(bob).access_token).status, 200);
    EXPECT_EQ(expiration_of(bob), now() + 30 * day_ms);
    EXPECT_EQ(expiration_of(alice), now() + 7 * day_ms);
}

TEST_F(EmailAccountValidityTest, DrawsAnotherTokenWhereOneIsTakenAndGivesUpAfterFive) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    register_user(bob, {"bob@mail.test"});
    const std::string taken(32, 'a');
    const std::string free(32, 'b');
    ScriptedTokens::script = {taken};
    EXPECT_EQ(send_mail(host.server.user(alice).access_token).status, 200);

    ScriptedTokens::script = {taken, taken, taken, taken, taken, free};
    ScriptedTokens::drawn = 0;
    EXPECT_EQ(error_of(send_mail(host.server.user(bob).access_token)), "500 M_UNKNOWN");
    EXPECT_EQ(ScriptedTokens::drawn, 5);
    EXPECT_FALSE(email_sent(bob));
    EXPECT_EQ(host.server.mails.size(), 1U);

    ScriptedTokens::script = {taken, taken, taken, taken, free};
    EXPECT_EQ(send_mail(host.server.user(bob).access_token).status, 200);
    ASSERT_EQ(host.server.mails.size(), 2U);
    EXPECT_EQ(token_in(host.server.mails[1]), free);
    EXPECT_EQ(renew(taken).status, 200);
    EXPECT_EQ(renew(free).status, 200);
}

TEST_F(EmailAccountValidityTest, MailsWhoAsksForIt) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    host.server.user(alice).is_expired = true;
    host.server.add_user(bob);
    const Response response = send_mail(host.server.user(alice).access_token);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "{}");
    EXPECT_EQ(recipients(), std::vector<std::string>{"alice@mail.test"});
    EXPECT_TRUE(email_sent(alice));
    EXPECT_EQ(error_of(send_mail(host.server.user(bob).access_token)), "400 M_UNKNOWN") << "an account without end";
    EXPECT_EQ(error_of(send_mail("")), "401 M_MISSING_TOKEN");
    host.server.fail_next("send_mail", "the mail server is down");
    EXPECT_EQ(error_of(send_mail(host.server.user(alice).access_token)), "500 M_UNKNOWN");
}

TEST_F(EmailAccountValidityTest, AnAdminSetsAnEnd) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    EXPECT_EQ(send_mail(host.server.user(alice).access_token).status, 200);
    const std::string token = token_in(host.server.mails.at(0));
    const std::string end = std::to_string(now() + 2 * day_ms);
    const Response response = admin(R"({"user_id":"@alice:example.org","expiration_ts":)" + end + "}");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, R"({"expiration_ts":)" + end + "}");
    EXPECT_EQ(expiration_of(alice), now() + 2 * day_ms);
    EXPECT_EQ(renew(token).status, 400) << "the mail was about another end";
    host.advance(30min);
    EXPECT_EQ(host.server.mails.size(), 2U);
}

TEST_F(EmailAccountValidityTest, AnAdminBeginsAPeriodAlsoForWhoHasNone) {
    load(links);
    host.server.add_user(alice);
    const std::string end = std::to_string(now() + 30 * day_ms);
    EXPECT_EQ(admin(R"({"user_id":"@alice:example.org"})").body, R"({"expiration_ts":)" + end + "}");
    EXPECT_EQ(expiration_of(alice), now() + 30 * day_ms);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(false)));
}

TEST_F(EmailAccountValidityTest, AnAdminKeepsTheMailsBack) {
    load(links);
    register_user(alice, {"alice@mail.test"});
    EXPECT_EQ(admin(R"({"user_id":"@alice:example.org","expiration_ts":0,"enable_renewal_emails":false})").status, 200);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(true)));
    host.advance(2h);
    EXPECT_THAT(host.server.mails, testing::IsEmpty());
}

TEST_F(EmailAccountValidityTest, NobodyElseSetsAnEndAndAnAdminSaysWhatIsWrong) {
    load(links);
    register_user(alice, {});
    const std::optional<std::int64_t> end = expiration_of(alice);
    const std::string body = R"({"user_id":"@alice:example.org","expiration_ts":1})";
    EXPECT_EQ(error_of(host.request("POST", admin_path, body, host.server.user(alice).access_token)), "403 M_FORBIDDEN");
    EXPECT_EQ(error_of(host.request("POST", admin_path, body)), "401 M_MISSING_TOKEN");
    EXPECT_EQ(error_of(admin("{}")), "400 M_MISSING_PARAM");
    EXPECT_EQ(error_of(admin("no JSON")), "400 M_NOT_JSON");
    EXPECT_EQ(error_of(admin(R"({"user_id":7})")), "400 M_INVALID_PARAM");
    EXPECT_EQ(error_of(admin(R"({"user_id":"@alice:example.org","expiration_ts":"1"})")), "400 M_INVALID_PARAM");
    EXPECT_EQ(error_of(admin(R"({"user_id":"@alice:example.org","enable_renewal_emails":1})")), "400 M_INVALID_PARAM");
    EXPECT_EQ(error_of(admin(R"({"user_id":"@alise:example.org"})")), "404 M_NOT_FOUND");
    EXPECT_EQ(expiration_of(alice), end);
}

TEST_F(EmailAccountValidityTest, GivesAnEndToTheAccountsThatWereThereBefore) {
    constexpr int accounts = 250;
    for (int number = 0; number < accounts; ++number) host.server.add_user("@u" + std::to_string(number) + ":example.org");
    const std::int64_t start = now();
    load(links);
    const std::vector<std::int64_t> ends = host.run(host.database().read("test", &read_expirations));
    EXPECT_EQ(ends.size(), 250U);
    EXPECT_THAT(ends, testing::Each(testing::AllOf(testing::Ge(start + 27 * day_ms), testing::Lt(start + 30 * day_ms))));
    EXPECT_GT(std::set<std::int64_t>(ends.begin(), ends.end()).size(), 200U) << "the mails would go out at once";
    // One line for each transaction.
    const std::string log = host.log();
    const auto times = [&](const std::string& line) {
        int count = 0;
        for (std::size_t at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++count;
        return count;
    };
    EXPECT_EQ(times("accounts had no end"), 3) << log;
    EXPECT_EQ(times("100 of 100 accounts had no end"), 2) << log;
    EXPECT_EQ(times("50 of 50 accounts had no end"), 1) << log;
}

TEST_F(EmailAccountValidityTest, GoesOnWithTheTableOfAnotherServer) {
    const auto make = [](Transaction& transaction) {
        transaction.execute(
            "CREATE TABLE email_account_validity (user_id TEXT PRIMARY KEY, expiration_ts_ms BIGINT NOT NULL, "
            "email_sent BOOLEAN NOT NULL, long_renewal_token TEXT, short_renewal_token TEXT, token_used_ts_ms BIGINT)");
        transaction.execute("INSERT INTO email_account_validity (user_id, expiration_ts_ms, email_sent) VALUES (?, ?, ?)",
                            alice, 17, true);
    };
    host.run(host.database().run("test", make));
    host.server.add_user(alice);
    host.server.add_user(bob);
    load(links);
    EXPECT_EQ(expiration_of(alice), 17);
    EXPECT_TRUE(email_sent(alice));
    EXPECT_TRUE(expiration_of(bob).has_value());
}

TEST_F(EmailAccountValidityTest, ForgetsWhatAnotherWorkerChanged) {
    load(links);
    register_user(alice, {});
    host.advance(31 * day);
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(true)));
    host.run(host.database().run("test", &move_expiration, alice, now() + day_ms));
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(true))) << "it isn't remembered";
    modapi::CacheInvalidation invalidation;
    invalidation.function = "test.Module.expiration_of";
    invalidation.key = {alice};
    constexpr std::size_t another_worker = 0;
    host.bus().publish(another_worker, invalidation);
    host.run_ready();
    EXPECT_TRUE(answers(is_expired(alice), std::optional<bool>(false)));
}

TEST_F(EmailAccountValidityTest, TellsTheOtherWorkersOfEveryChange) {
    load(links);
    std::vector<std::string> told;
    static_cast<void>(host.bus().subscribe(host.worker().environment().executor, [&](const modapi::CacheInvalidation& change) {
        told.push_back(change.function + " " + change.key.at(0));
    }));
    const auto told_now = [&] {
        host.run_ready();
        return std::exchange(told, {});
    };
    const std::vector<std::string> of_alice = {"test.Module.expiration_of @alice:example.org"};
    register_user(alice, {"alice@mail.test"});
    EXPECT_EQ(told_now(), of_alice);
    EXPECT_EQ(admin(R"({"user_id":"@alice:example.org"})").status, 200);
    EXPECT_EQ(told_now(), of_alice);
    host.advance(23 * day);
    EXPECT_EQ(told_now(), std::vector<std::string>()) << "a mail changes no end";
    EXPECT_EQ(renew(token_in(host.server.mails.at(0))).status, 200);
    EXPECT_EQ(told_now(), of_alice);
}

TEST_F(EmailAccountValidityTest, MistakesInTheConfigurationAreOneLine) {
    EXPECT_THAT(refusal_of("{renew_at: 7d}"), HasSubstr("modules[0].config.period: is required"));
}
TEST_F(EmailAccountValidityTest, NeedsToKnowWhenToMail) {
    EXPECT_THAT(refusal_of("{period: 30d}"), HasSubstr("modules[0].config.renew_at: is required"));
}
TEST_F(EmailAccountValidityTest, RefusesAPeriodThatIsNone) {
    EXPECT_THAT(refusal_of("{period: soon, renew_at: 7d}"), HasSubstr("modules[0].config.period: must be a duration"));
}
TEST_F(EmailAccountValidityTest, RefusesAPeriodOfNothing) {
    EXPECT_THAT(refusal_of("{period: 0, renew_at: 7d}"), HasSubstr("modules[0].config.period: must be longer than nothing"));
}
TEST_F(EmailAccountValidityTest, RefusesAPeriodWithoutEnd) {
    EXPECT_THAT(refusal_of("{period: 1001y, renew_at: 7d}"), HasSubstr("modules[0].config.period: must be at most 1000y"));
}
TEST_F(EmailAccountValidityTest, RefusesAWrongType) {
    EXPECT_THAT(refusal_of("{period: 30d, renew_at: 7d, send_links: 1}"), HasSubstr("modules[0].config.send_links: must be"));
}
TEST_F(EmailAccountValidityTest, RefusesAnUnknownKey) {
    EXPECT_THAT(refusal_of("{period: 30d, renew_at: 7d, renew_by: 1d}"), HasSubstr("modules[0].config.renew_by"));
}
TEST_F(EmailAccountValidityTest, NeedsAPublicAddress) {
    host.server.baseurl = "";
    EXPECT_THAT(refusal_of(links), HasSubstr("public_baseurl"));
}

TEST(RenewalSubject, HasTheNameOfTheServiceUnlessItCanNotBeFilledIn) {
    EXPECT_EQ(subject_of("Renew your %(app)s account", "Chat"), "Renew your Chat account");
    EXPECT_EQ(subject_of("%(app)s: 100%% of %(app)s", "Chat"), "Chat: 100% of Chat");
    EXPECT_EQ(subject_of("Renew", "Chat"), "Renew");
    EXPECT_EQ(subject_of("100% %(app)s", "Chat"), "100% %(app)s");
    EXPECT_EQ(subject_of("%(server)s %(app)s", "Chat"), "%(server)s %(app)s");
    EXPECT_EQ(subject_of("%(app)s %", "Chat"), "%(app)s %");
    EXPECT_EQ(subject_of("%(app)s", "%(app)s"), "%(app)s");
}

/// The table alone.
class TableModule {
public:
    TableModule(callbacks::JsonDict, modapi::ModuleApi& api) : table(api) {}
    async::task<void> start() { return table.create(); }
    ValidityTable table;
};

TEST(ValidityTableTest, ANoticeOfAnEndThatIsNoMoreDoesNotCountForTheNewOne) {
    Host host;
    ValidityTable& table = host.load<TableModule>().table;
    host.run(table.begin({alice, 100}));
    EXPECT_EQ(host.run(table.due(99)).size(), 0U);
    EXPECT_EQ(host.run(table.due(100)).size(), 1U);
    host.run(table.begin({alice, 200}));
    host.run(table.note_sent({alice, 100}));
    EXPECT_EQ(host.run(table.due(200)).size(), 1U);
    host.run(table.note_sent({alice, 200}));
    EXPECT_EQ(host.run(table.due(200)).size(), 0U);
}

TEST(ValidityTableTest, AUsedTokenIsNotUnusedAgainByOneOfTheOtherKind) {
    using account_validity::TokenKind;
    using Outcome = account_validity::Renewal::Outcome;
    Host host;
    ValidityTable& table = host.load<TableModule>().table;
    host.run(table.begin({alice, 100}));
    EXPECT_TRUE(host.run(table.store_token(alice, {TokenKind::typed, "12345678"})));
    EXPECT_EQ(host.run(table.renew({TokenKind::typed, "12345678"}, alice, 1, 200)).outcome, Outcome::renewed);
    EXPECT_TRUE(host.run(table.store_token(alice, {TokenKind::link, std::string(32, 'a')})));
    EXPECT_EQ(host.run(table.renew({TokenKind::typed, "12345678"}, alice, 2, 300)).outcome, Outcome::no_such_token);
}

}  // namespace
