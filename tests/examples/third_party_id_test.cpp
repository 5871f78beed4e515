#include "admin_server.h"
#include "mail_sink.h"

#include <gmock/gmock.h>

#include <thread>

namespace {

using namespace homeserver_test;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

class ThirdPartyIdTest : public ProbedAdminServer {
protected:
    ThirdPartyIdTest()
        : ProbedAdminServer("{name: a, unsigned: false}", with_mail_sink), alice(server.register_user("alice")) {}

    [[nodiscard]] std::string proof_of(const AddressToValidate& address) const {
        return validated(server, folder.path(), address);
    }
    /// `{"auth": ..., REST}`.
    [[nodiscard]] Answer add(const std::string& credentials, const std::string& token, const std::string& user) const {
        const std::string auth = R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":")" + user +
                                 R"("},"password":"secret of )" + user + "\"}";
        return post("/account/3pid/add", credentials.substr(0, credentials.size() - 1) + R"(,"auth":)" + auth + "}", token);
    }
    [[nodiscard]] Texts addresses_of(const std::string& token) const {
        Texts found;
        const Answer answer = get("/account/3pid", token);
        for (const boost::json::value& id : answer.body.at("threepids").as_array())
            found.emplace_back(std::string(id.at("medium").as_string()) + " " + std::string(id.at("address").as_string()));
        return found;
    }
    [[nodiscard]] Answer sign_up(const std::string& name, const std::string& stage, const std::string& credentials) const {
        return post("/register",
                    R"({"username":")" + name + R"(","password":"pw","auth":{"type":")" + stage + R"(","threepid_creds":)" +
                        credentials + "}}",
                    "");
    }
    [[nodiscard]] Answer log_in(const std::string& identifier, const std::string& password) const {
        return post("/login",
                    R"({"type":"m.login.password","identifier":)" + identifier + R"(,"password":")" + password + "\"}", "");
    }
    std::string alice;
};

TEST_F(ThirdPartyIdTest, AnEmailAddressIsValidatedByTheCodeThatWasSentToIt) {
    const AddressToValidate email = email_for_account(" Alice@Example.ORG ");
    const Answer requested = request_token(server, email);
    EXPECT_EQ(requested.status, 200) << requested.body;
    const std::string sid = requested.text("sid");
    const std::vector<boost::json::object> mails = sent_mails(folder.path());
    ASSERT_EQ(mails.size(), 1U);
    EXPECT_EQ(mails[0].at("medium"), "email");
    EXPECT_EQ(mails[0].at("address"), "alice@example.org");
    EXPECT_EQ(mails[0].at("sid").as_string(), sid);
    const std::string code(mails[0].at("token").as_string());
    const std::string link(mails[0].at("link").as_string());
    EXPECT_EQ(link, "http://hs.test/_matrix/client/unstable/add_threepid/email/submit_token?token=" + code +
                        "&client_secret=s3cret&sid=" + sid);
    EXPECT_THAT(std::string(mails[0].at("text").as_string()), HasSubstr(link));

    const std::string credentials = R"({"sid":")" + sid + R"(","client_secret":"s3cret"})";
    expect_error(add(credentials, alice, "alice"), 400, "M_THREEPID_AUTH_FAILED", "No validated 3pid session found");
    const Answer page = server.request("GET", link.substr(std::string("http://hs.test").size()));
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(server.log(), testing::Not(testing::AnyOf(HasSubstr(code), HasSubstr("s3cret"))));
    static_cast<void>(asked());
    EXPECT_EQ(add(credentials, alice, "alice").status, 200);
    EXPECT_THAT(asked(), testing::IsSupersetOf({"on_add_user_third_party_identifier", "on_threepid_bind"}));
    EXPECT_EQ(addresses_of(alice), Texts{"email alice@example.org"});
}

TEST_F(ThirdPartyIdTest, APhoneNumberIsValidatedInItsInternationalForm) {
    const AddressToValidate phone = phone_for_account("GB", "07700 900001");
    const Answer requested = request_token(server, phone);
    EXPECT_EQ(requested.text("msisdn"), "447700900001");
    EXPECT_EQ(requested.text("submit_url"), "http://hs.test/_matrix/client/unstable/add_threepid/msisdn/submit_token");
    const std::vector<boost::json::object> codes = sent_mails(folder.path());
    ASSERT_EQ(codes.size(), 1U);
    EXPECT_EQ(codes[0].at("medium"), "msisdn");
    EXPECT_EQ(codes[0].at("address"), "447700900001");
    EXPECT_EQ(codes[0].at("token").as_string().size(), 6U);
    EXPECT_EQ(add(proof_of(phone), alice, "alice").status, 200);
    const std::string by_phone = R"({"type":"m.id.phone","country":"GB","phone":"07700900001"})";
    EXPECT_EQ(log_in(by_phone, "secret of alice").text("user_id"), "@alice:hs.test");
    const std::string by_id = R"({"type":"m.id.thirdparty","medium":"msisdn","address":"447700900001"})";
    EXPECT_EQ(log_in(by_id, "secret of alice").text("user_id"), "@alice:hs.test");
    expect_error(request_token(server, phone_for_account("GB", "soon")), 400, "M_UNKNOWN", "Unable to parse phone number");
}

TEST_F(ThirdPartyIdTest, ModulesAreAskedBeforeTheServerLooksAnAddressUp) {
    EXPECT_EQ(add(proof_of(email_for_account("alice@example.org")), alice, "alice").status, 200);
    static_cast<void>(asked());
    const std::string mine = R"({"type":"m.id.thirdparty","medium":"email","address":"ALICE@example.org"})";
    EXPECT_EQ(log_in(mine, "secret of alice").text("user_id"), "@alice:hs.test");
    EXPECT_THAT(asked(), testing::ElementsAre("check_3pid_auth", "check_auth", "check_login_for_spam", "on_user_login"));
    const std::string foreign = R"({"type":"m.id.thirdparty","medium":"email","address":" \u00c4rger@EXAMPLE.org "})";
    EXPECT_EQ(log_in(foreign, "x").status, 403);
    EXPECT_EQ(journal().at(0).at("address"), "\u00e4rger@example.org");
    const std::string probes = R"({"type":"m.id.thirdparty","medium":"email","address":"alice@probe.example"})";
    EXPECT_EQ(log_in(probes, "probe-password").text("user_id"), "@alice:hs.test") << "which only the module knows";
    expect_error(log_in(probes, "wrong"), 403, "M_FORBIDDEN", "Invalid username or password");
}

TEST_F(ThirdPartyIdTest, ACodeIsGoodForOnceAndForFiveWrongTries) {
    const AddressToValidate phone = phone_for_account("DE", "030 1234567");
    const std::string sid = request_token(server, phone).text("sid");
    const std::string code = code_sent_for(folder.path(), sid);
    const std::string wrong = code == "000000" ? "000001" : "000000";
    expect_error(submit_code(server, phone, sid, code, "another"), 404, "M_NOT_FOUND", "No such validation session");
    expect_error(submit_code(server, phone, "unknown", code), 404, "M_NOT_FOUND", "No such validation session");
    expect_error(submit_code(server, email_for_account(""), sid, code), 404, "M_NOT_FOUND", "No such validation session");
    for (int attempt = 0; attempt < 5; ++attempt) {
        expect_error(submit_code(server, phone, sid, wrong), 400, "M_THREEPID_AUTH_FAILED",
                     "This code is not the one that was sent");
    }
    expect_error(submit_code(server, phone, sid, code), 400, "M_THREEPID_AUTH_FAILED",
                 "Too many wrong codes: ask for another one");
    const std::string second = request_token(server, phone, 2).text("sid");
    EXPECT_NE(second, sid);
    const std::string second_code = code_sent_for(folder.path(), second);
    EXPECT_EQ(submit_code(server, phone, second, second_code).status, 200);
    expect_error(submit_code(server, phone, second, second_code), 400, "M_THREEPID_AUTH_FAILED", "This code was used already");
}

TEST_F(ThirdPartyIdTest, AValidationIsGoodForOneUse) {
    const std::string proof = proof_of(email_for_account("alice@example.org"));
    expect_error(add(R"({"sid":"unknown","client_secret":"s3cret"})", alice, "alice"), 400, "M_THREEPID_AUTH_FAILED",
                 "No validated 3pid session found");
    EXPECT_EQ(add(proof, alice, "alice").status, 200);
    expect_error(add(proof, alice, "alice"), 400, "M_THREEPID_AUTH_FAILED", "No validated 3pid session found");
}

TEST_F(ThirdPartyIdTest, TheSameAttemptSendsNothingTwice) {
    const AddressToValidate email = email_for_account("alice@example.org");
    const std::string sid = request_token(server, email, 1).text("sid");
    EXPECT_EQ(request_token(server, email, 1).text("sid"), sid);
    EXPECT_EQ(sent_mails(folder.path()).size(), 1U);
    EXPECT_EQ(request_token(server, email, 2).text("sid"), sid);
    EXPECT_EQ(sent_mails(folder.path()).size(), 2U);
    EXPECT_NE(request_token(server, email, 1, "another.client").text("sid"), sid);
}

TEST_F(ThirdPartyIdTest, AnAddressBelongsToOneUser) {
    const std::string bob = server.register_user("bob");
    const std::string of_alice = proof_of(email_for_account("shared@example.org"));
    const Answer other = request_token(server, email_for_account("shared@example.org"), 1, "of-bob");
    const std::string code = code_sent_for(folder.path(), other.text("sid"));
    EXPECT_EQ(submit_code(server, email_for_account(""), other.text("sid"), code, "of-bob").status, 200);
    EXPECT_EQ(add(of_alice, alice, "alice").status, 200);
    expect_error(add(R"({"sid":")" + other.text("sid") + R"(","client_secret":"of-bob"})", bob, "bob"), 400,
                 "M_THREEPID_IN_USE", "Email is already in use");
    EXPECT_EQ(addresses_of(bob), Texts());
    for (const AddressToValidate& again :
         {email_for_account("shared@example.org"), email_for_registration("Shared@example.org")}) {
        expect_error(request_token(server, again, 9), 400, "M_THREEPID_IN_USE", "Email is already in use");
    }
}

TEST_F(ThirdPartyIdTest, AnAddressIsTakenAway) {
    EXPECT_EQ(add(proof_of(email_for_account("alice@example.org")), alice, "alice").status, 200);
    static_cast<void>(asked());
    const Answer gone = post("/account/3pid/delete", R"({"medium":"email","address":"Alice@example.org"})", alice);
    EXPECT_EQ(gone.text("id_server_unbind_result"), "no-support") << gone.body;
    EXPECT_EQ(asked(), Texts{"on_remove_user_third_party_identifier"});
    EXPECT_EQ(addresses_of(alice), Texts());
    EXPECT_EQ(post("/account/3pid/delete", R"({"medium":"email","address":"alice@example.org"})", alice).status, 200);
    EXPECT_EQ(asked(), Texts{"on_remove_user_third_party_identifier"}) << "also if there was none";
    expect_error(post("/account/3pid/delete", R"({"medium":"fax","address":"1"})", alice), 400, "M_INVALID_PARAM",
                 "'medium' must be email or msisdn");
}

TEST_F(ThirdPartyIdTest, AddingAsksForThePassword) {
    const std::string proof = proof_of(email_for_account("alice@example.org"));
    const Answer challenge = post("/account/3pid/add", proof, alice);
    EXPECT_EQ(challenge.status, 401);
    EXPECT_EQ(boost::json::serialize(challenge.body.at("flows").at(0).at("stages")), R"(["m.login.password"])");
    EXPECT_EQ(addresses_of(alice), Texts());
}

TEST_F(ThirdPartyIdTest, ARegistrationBindsTheAddressThatItProved) {
    const Answer challenge = post("/register", R"({"username":"carol","password":"pw"})", "");
    EXPECT_EQ(boost::json::serialize(challenge.body.at("flows")),
              R"([{"stages":["m.login.dummy"]},{"stages":["m.login.email.identity"]},{"stages":["m.login.msisdn"]}])");
    const std::string proof = proof_of(email_for_registration("carol@example.org"));
    static_cast<void>(asked());
    const Answer registered = sign_up("carol", "m.login.email.identity", proof);
    EXPECT_EQ(registered.text("user_id"), "@carol:hs.test") << registered.body;
    EXPECT_EQ(asked(), (Texts{"is_3pid_allowed", "get_username_for_registration", "get_displayname_for_registration",
                              "check_registration_for_spam", "on_user_registration", "on_add_user_third_party_identifier",
                              "on_threepid_bind", "on_user_login"}));
    EXPECT_EQ(addresses_of(registered.text("access_token")), Texts{"email carol@example.org"});
    const Answer again = sign_up("dave", "m.login.email.identity", proof);
    EXPECT_EQ(again.status, 401);
    EXPECT_EQ(again.text("errcode"), "M_UNAUTHORIZED");
    EXPECT_EQ(again.text("error"), "Unable to get validated threepid");
}

TEST_F(ThirdPartyIdTest, ARegistrationByPhoneNeedsAPhonesProof) {
    const std::string email = proof_of(email_for_registration("carol@example.org"));
    const Answer wrong = sign_up("carol", "m.login.msisdn", email);
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(wrong.text("error"), "Expecting threepid of type 'msisdn', got 'email'");
    const std::string phone = proof_of(phone_for_registration("US", "(201) 555-0123"));
    const Answer registered = sign_up("carol", "m.login.msisdn", phone);
    EXPECT_EQ(addresses_of(registered.text("access_token")), Texts{"msisdn 12015550123"});
    expect_error(post("/register", R"({"password":"pw","auth":{"type":"m.login.msisdn"}})", ""), 400, "M_MISSING_PARAM",
                 "Missing param threepid_creds");
}

TEST_F(ThirdPartyIdTest, ModulesKeepAddressesOut) {
    expect_error(request_token(server, email_for_account("x@blocked.example")), 403, "M_THREEPID_DENIED",
                 "Your email domain is not authorized on this server");
    expect_error(request_token(server, email_for_registration("x@blocked.example")), 403, "M_THREEPID_DENIED",
                 "Your email domain is not authorized to register on this server");
    EXPECT_TRUE(sent_mails(folder.path()).empty());
}

/// With a module whose answer changes meanwhile.
class ScriptedThirdPartyTest : public RoomTest {
protected:
    ScriptedThirdPartyTest()
        : RoomTest(std::string(with_mail_sink) + "modules: [{module: scripted.Scripted, config: {name: a}}]\n") {}
    void script(const std::string& answers) const {
        EXPECT_EQ(server.request("PUT", "/_synapse/client/scripted/a", answers).status, 200);
    }
};

TEST_F(ScriptedThirdPartyTest, ARegistrationAsksOnceMoreWhetherTheAddressIsAllowed) {
    const std::string proof = validated(server, folder.path(), email_for_registration("carol@example.org"));
    const std::string body =
        R"({"username":"carol","password":"pw","auth":{"type":"m.login.email.identity","threepid_creds":)" + proof + "}}";
    script(R"({"is_3pid_allowed":"decide"})");
    expect_error(post("/register", body, ""), 403, "M_THREEPID_DENIED",
                 "Third party identifiers (email/phone numbers) are not authorized on this server");
    script(R"({"is_3pid_allowed":"throw"})");
    expect_error(post("/register", body, ""), 500, "M_UNKNOWN", "Internal Server Error");
    EXPECT_EQ(get("/register/available?username=carol", "").status, 200) << "nothing was made";
    script("{}");
    EXPECT_EQ(post("/register", body, "").status, 200) << "and the proof is still good";
}

struct BadRequest {
    std::string path;
    std::string body;
    int status;
    std::string errcode;
};

class BadThirdPartyRequestTest : public ThirdPartyIdTest {};

TEST_F(BadThirdPartyRequestTest, IsRefusedAndNothingIsSent) {
    const std::string request = "/account/3pid/email/requestToken";
    const std::vector<BadRequest> requests = {
        {request, "{}", 400, "M_MISSING_PARAM"},
        {request, "[]", 400, "M_BAD_JSON"},
        {request, R"({"client_secret":5,"email":"a@b.c","send_attempt":1})", 400, "M_INVALID_PARAM"},
        {request, R"({"client_secret":"a b","email":"a@b.c","send_attempt":1})", 400, "M_INVALID_PARAM"},
        {request, R"({"client_secret":"","email":"a@b.c","send_attempt":1})", 400, "M_INVALID_PARAM"},
        {request, R"({"client_secret":"s","email":"a@b.c","send_attempt":"1"})", 400, "M_INVALID_PARAM"},
        {request, R"({"client_secret":"s","email":"a@b.c"})", 400, "M_MISSING_PARAM"},
        {request, R"({"client_secret":"s","email":"nobody","send_attempt":1})", 400, "M_UNKNOWN"},
        {request, R"({"client_secret":"s","email":"a b@c.d\r\nBcc: x","send_attempt":1})", 400, "M_UNKNOWN"},
        {request, R"({"client_secret":"s","email":["a@b.c"],"send_attempt":1})", 400, "M_INVALID_PARAM"},
        {request, R"({"client_secret":"s","email":"a@b.c","send_attempt":1,"next_link":"javascript:x"})", 400,
         "M_INVALID_PARAM"},
        {"/account/3pid/msisdn/requestToken",
         R"({"client_secret":"s","country":"ZZ","phone_number":"123456","send_attempt":1})", 400, "M_UNKNOWN"},
        {"/account/3pid/add", R"({"auth":{}})", 401, ""},
        {"/account/3pid", R"({"three_pid_creds":5})", 400, "M_INVALID_PARAM"},
        {"/account/3pid", "{}", 400, "M_MISSING_PARAM"},
        {"/account/3pid", R"({"three_pid_creds":{"sid":5,"client_secret":"s"}})", 400, "M_INVALID_PARAM"},
        {"/account/3pid/delete", R"({"medium":"email"})", 400, "M_MISSING_PARAM"},
    };
    for (const BadRequest& bad : requests) {
        const Answer answer = post(bad.path, bad.body, alice);
        EXPECT_EQ(answer.status, bad.status) << bad.path << bad.body << answer.body;
        EXPECT_EQ(answer.text("errcode"), bad.errcode) << bad.path << bad.body << answer.body;
    }
    EXPECT_TRUE(sent_mails(folder.path()).empty());
    for (const char* const path : {"/account/3pid", "/account/3pid/add", "/account/3pid/delete"})
        EXPECT_EQ(post(path, "{}", "").status, 401) << path;
}

class NoMailServerTest : public RoomTest {};

TEST_F(NoMailServerTest, ValidatesNothing) {
    expect_error(request_token(server, email_for_account("a@example.org")), 400, "M_UNKNOWN",
                 "Adding emails have been disabled due to lack of an email config");
    expect_error(request_token(server, phone_for_registration("GB", "07700900001")), 400, "M_UNKNOWN",
                 "Registration by phone number is not supported on this homeserver");
    const Answer challenge = post("/register", R"({"password":"pw"})", "");
    EXPECT_EQ(boost::json::serialize(challenge.body.at("flows")), R"([{"stages":["m.login.dummy"]}])");
}

class ThirdPartyInviteTest : public ThirdPartyIdTest {
protected:
    static inline const std::string rate = "get_ratelimit_override_for_user";
    [[nodiscard]] Answer invite(const std::string& room, const std::string& address) const {
        return post("/rooms/" + room + "/invite", R"({"medium":"email","id_server":"hs.test","address":")" + address + "\"}",
                    alice);
    }
    [[nodiscard]] std::string membership(const std::string& room, const std::string& user) const {
        return get("/rooms/" + room + "/state/m.room.member/" + user, alice).text("membership");
    }
};

TEST_F(ThirdPartyInviteTest, WaitsForSomebodyToHaveTheAddress) {
    const std::string room = create_room(alice);
    static_cast<void>(asked());
    EXPECT_EQ(invite(room, "Bob@example.org").status, 200);
    const Texts callbacks = asked();
    EXPECT_THAT(Texts(callbacks.begin(), callbacks.begin() + 6),
                testing::ElementsAre(rate, rate, "check_threepid_can_be_invited", "user_may_send_3pid_invite",
                                     "check_event_allowed", "check_event_for_spam"));
    const std::string bob = server.register_user("bob");
    EXPECT_EQ(membership(room, "@bob:hs.test"), "");
    EXPECT_EQ(add(proof_of(email_for_account("bob@example.org")), bob, "bob").status, 200);
    EXPECT_EQ(membership(room, "@bob:hs.test"), "invite");
    const Answer member = get("/rooms/" + room + "/state/m.room.member/@bob:hs.test", alice);
    EXPECT_EQ(member.body.at("third_party_invite").at("signed").at("mxid"), "@bob:hs.test");
    EXPECT_EQ(member.body.at("third_party_invite").at("display_name"), "b...@e...") << "the room isn't told the address";
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
}

TEST_F(ThirdPartyInviteTest, InvitesWhoHasTheAddress) {
    const std::string bob = server.register_user("bob");
    EXPECT_EQ(add(proof_of(email_for_account("bob@example.org")), bob, "bob").status, 200);
    const std::string room = create_room(alice);
    static_cast<void>(asked());
    EXPECT_EQ(invite(room, "bob@example.org").status, 200);
    const Texts callbacks = asked();
    EXPECT_THAT(Texts(callbacks.begin(), callbacks.begin() + 6),
                testing::ElementsAre(rate, rate, "check_threepid_can_be_invited", rate, "user_may_invite",
                                     "check_event_allowed"));
    EXPECT_EQ(membership(room, "@bob:hs.test"), "invite");
}

TEST_F(ThirdPartyInviteTest, IsRefusedByModulesAndByTheRoom) {
    const std::string room = create_room(alice);
    expect_error(invite(room, "unruly@example.org"), 403, "M_FORBIDDEN",
                 "This third-party identifier can not be invited in this room");
    expect_error(invite(room, "noinvite@example.org"), 403, "M_FORBIDDEN", "Cannot send threepid invite");
    const std::string bob = server.register_user("bob");
    EXPECT_EQ(post("/rooms/" + room + "/invite", R"({"medium":"email","address":"x@example.org"})", bob).status, 403);
    EXPECT_EQ(post("/rooms/" + room + "/invite", R"({"medium":"fax","address":"1"})", alice).status, 400);
    EXPECT_EQ(post("/rooms/" + room + "/invite", R"({"medium":"email","address":"nobody"})", alice).status, 400);
    const Answer members = get("/rooms/" + room + "/members", alice);
    for (const boost::json::value& event : members.body.at("chunk").as_array())
        EXPECT_EQ(event.at("state_key"), "@alice:hs.test");
}

TEST_F(ThirdPartyInviteTest, IsMadeWithTheRoom) {
    const std::string room =
        create_room(alice, R"({"invite_3pid":[{"medium":"email","address":"carol@example.org","id_server":"hs.test"}]})");
    const Answer carol = sign_up("carol", "m.login.email.identity", proof_of(email_for_registration("carol@example.org")));
    EXPECT_EQ(carol.status, 200) << carol.body;
    EXPECT_EQ(membership(room, "@carol:hs.test"), "invite");
    EXPECT_EQ(post("/createRoom", R"({"invite_3pid":[5]})", alice).status, 400);
}

}  // namespace
