#include "../../examples/modules/synapse_http_antispam/synapse_http_antispam.h"

#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using callbacks::Verdict;
using modapi::testing::Host;
using modapi::testing::is_not_spam;
using modapi::testing::is_spam;

const std::string base = "http://localhost:8123/spam";
const std::string alice = "@alice:example.org";
const std::string bob = "@bob:example.org";
const std::string room = "!hall:example.org";

class HttpAntispamTest : public testing::Test {
protected:
    void load(const std::string& settings = {}) {
        host.load_named<HTTPAntispam>("synapse_http_antispam.HTTPAntispam",
                                      "{base_url: '" + base + "'" + (settings.empty() ? "" : ", " + settings) + "}");
    }
    void answer(const std::string& callback, int status, const std::string& body) {
        host.http.answer("POST", base + "/" + callback, status, body);
    }
    callbacks::SpamCheckerDispatch& hooks() { return host.hooks().spam_checker; }
    auto invite() { return host.call(hooks().user_may_invite, alice, bob, room); }
    auto send() {
        const callbacks::Event event = modapi::testing::message(alice, room, "hello");
        return host.call(hooks().check_event_for_spam, event);
    }
    bool is_left_out() {
        callbacks::UserProfile profile;
        profile.user_id = alice;
        return host.call(hooks().check_username_for_spam, profile, alice).value();
    }
    bool log_has(const std::string& text) { return host.log().find(text) != std::string::npos; }
    /// The one request that arrived since the last look.
    JsonDict asked(const std::string& callback) {
        EXPECT_EQ(host.http.requests.size(), 1U) << callback;
        if (host.http.requests.empty()) return JsonDict();
        const auto request = host.http.requests.front();
        host.http.requests.clear();
        EXPECT_EQ(request.method, "POST");
        EXPECT_EQ(request.url, base + "/" + callback);
        EXPECT_EQ(request.header("Content-Type"), "application/json");
        return boost::json::parse(request.body).as_object();
    }

    Host host;
};

TEST_F(HttpAntispamTest, AsksTheServiceOnceWithTheBodyOfEachCallback) {
    load();
    const auto expect_asked = [&](const std::string& callback, const char* body) {
        EXPECT_EQ(asked(callback), boost::json::parse(body).as_object()) << callback;
    };
    for (const char* callback :
         {"user_may_join_room", "user_may_invite", "user_may_send_3pid_invite", "user_may_create_room",
          "user_may_create_room_alias", "user_may_publish_room", "check_username_for_spam", "check_login_for_spam"}) {
        answer(callback, 200, "{}");
    }
    EXPECT_TRUE(is_not_spam(host.call(hooks().user_may_join_room, alice, room, true)));
    expect_asked("user_may_join_room", R"({"user":"@alice:example.org","room":"!hall:example.org","is_invited":true})");
    EXPECT_TRUE(is_not_spam(invite()));
    expect_asked("user_may_invite",
                 R"({"inviter":"@alice:example.org","invitee":"@bob:example.org","room_id":"!hall:example.org"})");
    const std::string medium = "email";
    const std::string address = "bob@example.com";
    EXPECT_TRUE(is_not_spam(host.call(hooks().user_may_send_3pid_invite, alice, medium, address, room)));
    expect_asked(
        "user_may_send_3pid_invite",
        R"({"inviter":"@alice:example.org","medium":"email","address":"bob@example.com","room_id":"!hall:example.org"})");
    EXPECT_TRUE(is_not_spam(host.call(hooks().user_may_create_room, alice, callbacks::JsonDict())));
    expect_asked("user_may_create_room", R"({"user_id":"@alice:example.org"})");
    const callbacks::RoomAlias alias("#hall:example.org");
    EXPECT_TRUE(is_not_spam(host.call(hooks().user_may_create_room_alias, alice, alias)));
    expect_asked("user_may_create_room_alias", R"({"user_id":"@alice:example.org","room_alias":"#hall:example.org"})");
    EXPECT_TRUE(is_not_spam(host.call(hooks().user_may_publish_room, alice, room)));
    expect_asked("user_may_publish_room", R"({"user_id":"@alice:example.org","room_id":"!hall:example.org"})");
    EXPECT_FALSE(is_left_out());
    expect_asked("check_username_for_spam",
                 R"({"user_profile":{"user_id":"@alice:example.org","display_name":null,"avatar_url":null}})");
    callbacks::LoginRequestInfo info;
    info.emplace_back("Browser/1", "192.0.2.7");
    info.emplace_back(std::nullopt, "192.0.2.8");
    const std::optional<std::string> device = "DEVICE";
    const std::optional<std::string> none;
    EXPECT_TRUE(is_not_spam(host.call(hooks().check_login_for_spam, alice, device, none, info, none)));
    expect_asked("check_login_for_spam",
                 R"({"user_id":"@alice:example.org","device_id":"DEVICE","initial_display_name":null,
                     "request_info":[["Browser/1","192.0.2.7"],[null,"192.0.2.8"]],"auth_provider_id":null})");
}

TEST_F(HttpAntispamTest, ShowsTheServiceAnEventAsClientsSeeIt) {
    load();
    answer("check_event_for_spam", 200, "{}");
    callbacks::EventFields fields;
    fields.event_id = "$event";
    fields.room_id = room;
    fields.type = "m.room.topic";
    fields.sender = alice;
    fields.state_key = "";
    fields.content["topic"] = "talk";
    fields.origin_server_ts = 1'700'000'000'000;
    fields.unsigned_fields["replaces_state"] = "$before";
    fields.other["depth"] = 7;
    fields.other["auth_events"] = callbacks::JsonArray();
    fields.other["hashes"] = JsonDict();
    fields.other["signatures"] = JsonDict();
    const callbacks::Event event(std::move(fields));
    EXPECT_TRUE(is_not_spam(host.call(hooks().check_event_for_spam, event)));
    EXPECT_EQ(asked("check_event_for_spam"), boost::json::parse(R"({"event":{"event_id":"$event","room_id":"!hall:example.org",
        "type":"m.room.topic","sender":"@alice:example.org","state_key":"","content":{"topic":"talk"},
        "origin_server_ts":1700000000000,"unsigned":{"replaces_state":"$before"}}})")
                                                 .as_object());
}

TEST_F(HttpAntispamTest, AnySuccessAllowsWhateverTheBody) {
    load();
    for (const char* body : {"garbage", "", R"({"errcode":"M_FORBIDDEN"})", "[1]"}) {
        answer("user_may_invite", 200, body);
        EXPECT_TRUE(is_not_spam(invite())) << body;
        answer("user_may_invite", 299, body);
        EXPECT_TRUE(is_not_spam(invite())) << body;
    }
}

TEST_F(HttpAntispamTest, ARejectionsObjectIsTheErrorOfTheClient) {
    load();
    answer("user_may_invite", 403, R"({"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":5})");
    const Verdict limited = invite().value();
    EXPECT_EQ(limited.errcode(), "M_LIMIT_EXCEEDED");
    EXPECT_EQ(limited.text(), std::nullopt) << "the host has a text for each operation";
    EXPECT_EQ(limited.additional_fields(), (JsonDict{{"retry_after_ms", 5}}));
    answer("user_may_invite", 418, R"({"errcode":"ORG_EXAMPLE_TEAPOT","error":"short and stout","spout":{"side":"other"}})");
    const Verdict teapot = invite().value();
    EXPECT_EQ(teapot.errcode(), "ORG_EXAMPLE_TEAPOT");
    EXPECT_EQ(teapot.text(), "short and stout");
    EXPECT_EQ(teapot.additional_fields(), boost::json::parse(R"({"spout":{"side":"other"}})").as_object());
    EXPECT_FALSE(teapot.fields_were_ignored());
    answer("user_may_invite", 500, "{}");
    EXPECT_TRUE(is_spam(invite(), "M_FORBIDDEN"));
    answer("check_event_for_spam", 403, "{}");
    EXPECT_TRUE(is_spam(send(), "M_FORBIDDEN")) << "a rejection is no failure";
    answer("check_username_for_spam", 403, "{}");
    EXPECT_TRUE(is_left_out());
}

/// What a service does that doesn't work.
struct Failure {
    std::string what;
    void (*happens)(Host& host, const std::string& url);
    std::string text;
};
class HttpAntispamFailureTest : public HttpAntispamTest, public testing::WithParamInterface<Failure> {};

TEST_P(HttpAntispamFailureTest, RejectsWithATextOrAllowsAsTheOperatorSaid) {
    load("fail_open: {user_may_join_room: true, check_username_for_spam: true}");
    for (const char* callback : {"user_may_join_room", "user_may_invite", "check_event_for_spam", "check_username_for_spam"}) {
        GetParam().happens(host, base + "/" + callback);
    }
    EXPECT_TRUE(is_not_spam(host.call(hooks().user_may_join_room, alice, room, false)));
    EXPECT_TRUE(is_not_spam(send())) << "what the default is for events isn't changed by other entries";
    EXPECT_FALSE(is_left_out());
    const auto refused = invite();
    EXPECT_TRUE(is_spam(refused, "M_UNKNOWN"));
    EXPECT_EQ(refused.value().text(), GetParam().text);
    EXPECT_TRUE(log_has(base + "/user_may_invite"));
    EXPECT_TRUE(log_has(base + "/check_event_for_spam"));
}

TEST_P(HttpAntispamFailureTest, CanBeMadeToRejectEventsAndLeaveUsersOut) {
    load("fail_open: {check_event_for_spam: false}");
    GetParam().happens(host, base + "/check_event_for_spam");
    GetParam().happens(host, base + "/check_username_for_spam");
    EXPECT_TRUE(is_spam(send(), "M_UNKNOWN"));
    EXPECT_TRUE(is_left_out());
}

const std::string unreachable = "The spam check service could not be reached";
const std::string nonsense = "The spam check service gave an answer that can't be understood";

INSTANTIATE_TEST_SUITE_P(
    Failures, HttpAntispamFailureTest,
    testing::Values(
        Failure{"Refused", [](Host& host, const std::string& url) { host.http.refuse("POST", url); }, unreachable},
        Failure{"Silent", [](Host& host, const std::string& url) { host.http.stall("POST", url); }, unreachable},
        Failure{"Page", [](Host& host, const std::string& url) { host.http.answer("POST", url, 500, "<html></html>"); },
                nonsense},
        Failure{"List", [](Host& host, const std::string& url) { host.http.answer("POST", url, 403, "[]"); }, nonsense}),
    [](const auto& failure) { return failure.param.what; });

TEST_F(HttpAntispamTest, WaitsAsLongAsTheTimeoutSaysAndNotLonger) {
    load("timeout: 3s");
    host.http.stall("POST", base + "/user_may_invite");
    const auto asking = host.start(hooks().user_may_invite(alice, bob, room));
    host.advance(2999ms);
    EXPECT_FALSE(asking.done());
    host.advance(1ms);
    ASSERT_TRUE(asking.done());
    EXPECT_TRUE(asking.result().is_spam());
    EXPECT_TRUE(log_has("no answer within 3000 ms"));
}

TEST_F(HttpAntispamTest, WaitsTenSecondsUnlessToldOtherwise) {
    load();
    host.http.stall("POST", base + "/check_event_for_spam");
    const callbacks::Event event = modapi::testing::message(alice, room, "hello");
    const auto asking = host.start(hooks().check_event_for_spam(event));
    host.advance(9999ms);
    EXPECT_FALSE(asking.done());
    host.advance(1ms);
    ASSERT_TRUE(asking.done());
    EXPECT_FALSE(asking.result().is_spam());
}

TEST_F(HttpAntispamTest, AnOperationThatIsStoppedWhileItWaitsIsNoFailureOfTheService) {
    load();
    host.http.stall("POST", base + "/user_may_invite");
    const auto asking = host.start(hooks().user_may_invite(alice, bob, room));
    host.advance(1s);
    asking.cancel(async::cancel_reason::stopping);
    host.run_ready();
    ASSERT_TRUE(asking.done());
    EXPECT_THROW(static_cast<void>(asking.result()), async::operation_cancelled);
    EXPECT_FALSE(log_has("the spam check service failed"));
}

TEST_F(HttpAntispamTest, TellsTheServiceWithoutWaitingWhereThatIsWanted) {
    load("async: {user_may_invite: true, check_username_for_spam: true, check_event_for_spam: true}");
    host.http.stall("POST", base + "/user_may_invite");
    answer("check_username_for_spam", 403, "{}");
    answer("check_event_for_spam", 403, "{}");
    const auto asking = host.start(hooks().user_may_invite(alice, bob, room));
    host.run_ready();
    ASSERT_TRUE(asking.done());
    EXPECT_FALSE(asking.result().is_spam());
    EXPECT_EQ(asked("user_may_invite").at("invitee"), callbacks::JsonValue(bob));
    EXPECT_FALSE(is_left_out());
    host.run_ready();
    EXPECT_EQ(asked("check_username_for_spam").size(), 1U);
    EXPECT_TRUE(is_not_spam(send()));
    host.run_ready();
    EXPECT_EQ(asked("check_event_for_spam").at("event").at("content").at("body"), "hello");
    EXPECT_FALSE(log_has("failed"));
    host.advance(10s);
    EXPECT_TRUE(log_has(base + "/user_may_invite: no answer within 10000 ms"));
}

TEST_F(HttpAntispamTest, WhatIsStillBeingToldEndsWithTheHost) {
    load("async: {user_may_invite: true}");
    host.http.stall("POST", base + "/user_may_invite");
    EXPECT_TRUE(is_not_spam(invite()));
    host.run_ready();
    host.stop();
    EXPECT_FALSE(log_has("the spam check service failed"));
}

TEST_F(HttpAntispamTest, RegistersOnlyTheEnabledCallbacks) {
    load("enabled_callbacks: [user_may_invite, check_login_for_spam]");
    EXPECT_FALSE(hooks().user_may_invite.empty());
    EXPECT_FALSE(hooks().check_login_for_spam.empty());
    EXPECT_TRUE(hooks().user_may_join_room.empty());
    EXPECT_TRUE(hooks().check_event_for_spam.empty());
    EXPECT_TRUE(hooks().check_username_for_spam.empty());
}

TEST_F(HttpAntispamTest, TheTokenGoesToTheServiceAndIntoNoLog) {
    load("authorization: secret-of-the-service");
    host.http.answer("POST", base + "/user_may_invite", 500, "<html>");
    EXPECT_TRUE(is_spam(invite(), "M_UNKNOWN"));
    ASSERT_EQ(host.http.requests.size(), 1U);
    EXPECT_EQ(host.http.requests[0].header("Authorization"), "Bearer secret-of-the-service");
    host.http.refuse("POST", base + "/user_may_invite");
    EXPECT_TRUE(is_spam(invite(), "M_UNKNOWN"));
    EXPECT_FALSE(host.log().empty());
    EXPECT_TRUE(log_has("user_may_invite: Connection refused (rejected)"));
    EXPECT_FALSE(log_has("secret-of-the-service"));
}

TEST_F(HttpAntispamTest, WithoutATokenThereIsNoAuthorization) {
    load();
    answer("user_may_invite", 200, "{}");
    EXPECT_TRUE(is_not_spam(invite()));
    EXPECT_EQ(host.http.requests.at(0).header("Authorization"), "");
}

/// A file with a token, gone at the end of the test.
class HttpAntispamTokenFileTest : public HttpAntispamTest {
protected:
    explicit HttpAntispamTokenFileTest() {
        const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
        path = std::filesystem::temp_directory_path() / ("antispam_" + test + "_" + std::to_string(::getpid()));
    }
    ~HttpAntispamTokenFileTest() override { std::filesystem::remove(path); }
    void write(const std::string& content) const { std::ofstream(path, std::ios::binary) << content; }

    std::filesystem::path path;
};

TEST_F(HttpAntispamTokenFileTest, TheTokenMayStandInAFileWithSpaceAroundIt) {
    write(" \n\ttoken-of-the-file\r\n");
    load("authorization_path: '" + path.string() + "'");
    answer("user_may_invite", 200, "{}");
    EXPECT_TRUE(is_not_spam(invite()));
    EXPECT_EQ(host.http.requests.at(0).header("Authorization"), "Bearer token-of-the-file");
    EXPECT_FALSE(log_has("token-of-the-file"));
}

TEST_F(HttpAntispamTokenFileTest, TheFileIsIgnoredIfTheTokenIsInTheConfiguration) {
    load("authorization: given, authorization_path: '" + path.string() + "'");
    answer("user_may_invite", 200, "{}");
    EXPECT_TRUE(is_not_spam(invite()));
    EXPECT_EQ(host.http.requests.at(0).header("Authorization"), "Bearer given");
}

TEST_F(HttpAntispamTest, PingsUntilTheServiceAnswersAsItShould) {
    const std::string url = base + "/ping";
    host.http.refuse("POST", url);
    load("do_ping: true");
    host.run_ready();
    ASSERT_EQ(host.http.requests.size(), 1U);
    const std::string first = std::string(boost::json::parse(host.http.requests[0].body).at("id").as_string());
    EXPECT_EQ(first.size(), 8U);
    EXPECT_EQ(first.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos);
    EXPECT_TRUE(log_has("doesn't answer at " + url));
    host.http.answer("POST", url, 200, R"({"id":"another","status":"ok"})");
    host.advance(4999ms);
    EXPECT_EQ(host.http.requests.size(), 1U);
    host.advance(1ms);
    ASSERT_EQ(host.http.requests.size(), 2U);
    EXPECT_NE(boost::json::parse(host.http.requests[1].body).at("id"), callbacks::JsonValue(first));
    host.advance(5s);
    EXPECT_EQ(host.http.requests.size(), 3U) << "an answer with another id is none";
    EXPECT_FALSE(log_has("service answers at"));
}

TEST_F(HttpAntispamTest, IsOnlyPingedIfAskedFor) {
    load();
    host.advance(60s);
    EXPECT_TRUE(host.http.requests.empty());
}

TEST(HttpAntispamConfiguration, MistakesNameTheirPath) {
    const auto names = [&](const std::string& config, const std::string& path) {
        Host host;
        try {
            host.load<HTTPAntispam>(config);
            ADD_FAILURE() << config << " was taken";
        } catch (const modapi::ConfigurationError& error) {
            EXPECT_NE(std::string(error.what()).find("modules[0].config." + path + ": "), std::string::npos)
                << config << ": " << error.what();
        }
    };
    const auto with = [](const std::string& more) { return "{base_url: 'http://localhost:1', " + more + "}"; };
    names("{}", "base_url");
    names("{base_url: 7}", "base_url");
    names("{base_url: 'localhost:8080'}", "base_url");
    names("{base_url: 'ftp://localhost'}", "base_url");
    names("{base_url: 'http://'}", "base_url");
    names("{base_url: 'http://user:word@localhost'}", "base_url");
    names("{base_url: 'http://localhost/?token=1'}", "base_url");
    names(with("url: x"), "url");
    names(with("authorization: [x]"), "authorization");
    names(with(R"(authorization: "two\nlines")"), "authorization");
    names(with("authorization: ''"), "authorization");
    names(with("authorization_path: /nonexistent/token"), "authorization_path");
    names(with("authorization_path: /"), "authorization_path");
    names(with("enabled_callbacks: user_may_invite"), "enabled_callbacks");
    names(with("enabled_callbacks: [user_may_invite, user_may_dance]"), "enabled_callbacks[1]");
    names(with("fail_open: true"), "fail_open");
    names(with("fail_open: {user_may_dance: true}"), "fail_open.user_may_dance");
    names(with("fail_open: {user_may_invite: 'yes'}"), "fail_open.user_may_invite");
    names(with("async: {check_media_file_for_spam: true}"), "async.check_media_file_for_spam");
    names(with("async: {user_may_invite: 1}"), "async.user_may_invite");
    names(with("do_ping: 1"), "do_ping");
    names(with("timeout: 10 s"), "timeout");
    names(with("timeout: 0"), "timeout");
}

}  // namespace
