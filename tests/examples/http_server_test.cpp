#include "server_process.h"

#include <gtest/gtest.h>

#include <csignal>

namespace {

using namespace homeserver_test;

constexpr const char* http_settings =
    "enable_registration: true\nenable_registration_without_verification: true\nmodules:\n  - module: stubborn.Stubborn\n";
constexpr const char* login_target = "/_matrix/client/v3/login";

class HttpServerTest : public testing::Test {
protected:
    [[nodiscard]] std::string answer_to(const std::string& bytes) const {
        RawConnection connection(server.port());
        connection.send(bytes);
        return connection.read_to_end();
    }
    /// That nothing that was done to it has hurt it.
    void expect_that_it_goes_on() const { EXPECT_EQ(server.request("GET", "/_matrix/client/versions").status, 200); }

    TemporaryFolder folder;
    ServerProcess server{folder.path(), http_settings};
};

TEST_F(HttpServerTest, AnswersAnUnknownPathWithUnrecognized) {
    const Answer answer = server.request("GET", "/_matrix/client/v3/nothing/here");
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.text("errcode"), "M_UNRECOGNIZED");
    EXPECT_EQ(answer.text("error"), "Unrecognized request");
}

TEST_F(HttpServerTest, AnswersAKnownPathWithAnotherMethodWithUnrecognized) {
    const Answer answer = server.request("DELETE", login_target);
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.text("errcode"), "M_UNRECOGNIZED");
}

TEST_F(HttpServerTest, SendsCrossOriginHeadersWithEverything) {
    for (const char* const target : {"/_matrix/client/versions", "/nothing"}) {
        const Answer answer = server.request("GET", target);
        EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "*");
        EXPECT_NE(answer.header("Access-Control-Allow-Headers").find("Authorization"), std::string::npos);
    }
    const Answer preflight = server.request("OPTIONS", login_target);
    EXPECT_EQ(preflight.status, 204);
    EXPECT_NE(preflight.header("Access-Control-Allow-Methods").find("PUT"), std::string::npos);
}

TEST_F(HttpServerTest, AnswersHeadWithTheLengthAndWithoutTheBody) {
    const Answer answer = server.request("HEAD", "/_matrix/client/versions");
    EXPECT_EQ(answer.status, 200);
    EXPECT_GT(std::stoi(answer.header("Content-Length")), 10);
}

TEST_F(HttpServerTest, SaysToWhoeverAsksThatItIsWell) {
    const std::string answer = answer_to("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain; charset=utf-8\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nOK")) << answer;
    const Answer head = server.request("HEAD", "/health");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("Content-Length"), "2");
    EXPECT_EQ(server.request("POST", "/health").status, 405);
}

TEST_F(HttpServerTest, BelievesNoClientWhereItIsFrom) {
    const std::string answer = answer_to(
        "GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_TRUE(server.log_shows("path=/_matrix/client/versions status=200")) << server.log();
    EXPECT_EQ(server.log().find("192.0.2.7"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesABodyThatIsNoJsonObject) {
    for (const char* const body : {"", "{\"a", "nonsense", "{\"a\":\"\xFF\"}", "{\"a\":\"\\ud800\"}"}) {
        const Answer answer = server.request("POST", login_target, body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.text("errcode"), "M_NOT_JSON") << body;
        EXPECT_EQ(answer.text("error"), "Content not JSON.") << body;
    }
    const Answer answer = server.request("POST", login_target, "[1]");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.text("errcode"), "M_BAD_JSON");
    EXPECT_EQ(answer.text("error"), "Content must be a JSON object.");
}

TEST_F(HttpServerTest, RefusesABodyNestedWithoutEnd) {
    const Answer answer = server.request("POST", login_target, "{\"a\":" + std::string(100000, '['));
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.text("errcode"), "M_NOT_JSON");
    expect_that_it_goes_on();
}

TEST_F(HttpServerTest, RefusesABodyOverTenMebibytes) {
    const std::string body(11 * 1024 * 1024, ' ');
    const Answer answer = server.request("POST", login_target, body);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.text("errcode"), "M_TOO_LARGE");
    expect_that_it_goes_on();
}

TEST_F(HttpServerTest, RefusesAChunkedBodyThatNeverEnds) {
    RawConnection connection(server.port());
    connection.send("POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "100000\r\n" + std::string(0x100000, 'x') + "\r\n";
    for (int sent = 0; sent < 11; ++sent) connection.send(chunk);
    const std::string answer = connection.read_until("M_TOO_LARGE");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    expect_that_it_goes_on();
}

TEST_F(HttpServerTest, ClosesAConnectionWhoseBodyDoesNotArrive) {
    RawConnection connection(server.port());
    connection.send("POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    EXPECT_EQ(connection.read_to_end(std::chrono::seconds(45)), "");
    expect_that_it_goes_on();
}

TEST_F(HttpServerTest, AnswersAMalformedRequestAndCloses) {
    for (const char* const bytes :
         {"GARBAGE\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
        const std::string answer = answer_to(bytes);
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    }
    EXPECT_TRUE(answer_to("GET / HTTP/1.1\r\nX: " + std::string(70000, 'a') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
    expect_that_it_goes_on();
}

TEST_F(HttpServerTest, RefusesAPathThatIsNoText) {
    const std::string profile = "/_matrix/client/v3/profile/";
    for (const char* const user : {"%ff", "@a%00:hs.test"}) {
        const Answer answer = server.request("GET", profile + user);
        EXPECT_EQ(answer.status, 400);
        EXPECT_EQ(answer.text("errcode"), "M_INVALID_PARAM");
    }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
    const std::string answer = answer_to(
        "GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::size_t first = answer.find("\"versions\"");
    const std::size_t second = answer.find("M_UNRECOGNIZED");
    const std::size_t third = answer.find("\"flows\"");
    ASSERT_NE(third, std::string::npos) << answer;
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
}

TEST_F(HttpServerTest, AsksForTheBodyOfAClientThatWaitsForThat) {
    RawConnection connection(server.port());
    connection.send("POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_TRUE(connection.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 Continue"));
    connection.send("{}");
    EXPECT_NE(connection.read_until("Missing JSON keys.").find("HTTP/1.1 400 "), std::string::npos);
}

TEST_F(HttpServerTest, LetsARunningCallbackEndWhenItsClientGoesAwayAndThenDropsTheRequest) {
    const std::string token = server.register_user("slow");
    RawConnection connection(server.port());
    connection.send("GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n");
    ASSERT_TRUE(server.log_shows("begins for @slow:hs.test"));
    connection.close();
    EXPECT_TRUE(server.log_shows("ends for @slow:hs.test"));
    EXPECT_TRUE(server.log_shows("status=499"));
}

TEST_F(HttpServerTest, CutsNoRunningCallbackWhenItsClientIsGoneForGood) {
    const std::string token = server.register_user("slow");
    RawConnection connection(server.port());
    connection.send("GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n");
    ASSERT_TRUE(server.log_shows("begins for @slow:hs.test"));
    connection.reset();
    EXPECT_TRUE(server.log_shows("ends for @slow:hs.test"));
    EXPECT_TRUE(server.log_shows("status=499"));
}

TEST_F(HttpServerTest, AnswersAClientThatHasSentItsRequestsAndClosesItsSide) {
    const std::string versions = "GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n";
    for (const std::string& last : {versions, std::string("POST ") + login_target + " HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"}) {
        RawConnection connection(server.port());
        connection.send(versions + versions + last);
        connection.finish_sending();
        const std::string answer = connection.read_to_end();
        std::size_t answers = 0;
        for (std::size_t at = answer.find("HTTP/1.1 "); at != std::string::npos; at = answer.find("HTTP/1.1 ", at + 1))
            ++answers;
        EXPECT_EQ(answers, 3U) << answer;
    }
    EXPECT_EQ(server.log().find("status=499"), std::string::npos) << server.log();
}

TEST_F(HttpServerTest, AnswersAClientThatClosesItsSideWhileACallbackRuns) {
    const std::string token = server.register_user("slow");
    RawConnection connection(server.port());
    connection.send("GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n");
    ASSERT_TRUE(server.log_shows("begins for @slow:hs.test"));
    connection.finish_sending();
    const std::string answer = connection.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("@slow:hs.test"), std::string::npos) << answer;
    EXPECT_TRUE(server.log_shows("path=/_matrix/client/v3/account/whoami status=200"));
}

TEST_F(HttpServerTest, KeepsTokensAndPasswordsOutOfTheLog) {
    const std::string token = server.register_user("alice");
    EXPECT_EQ(server.request("GET", "/_matrix/client/v3/account/whoami?access_token=" + token).status, 200);
    ASSERT_TRUE(server.log_shows("path=/_matrix/client/v3/account/whoami status=200"));
    EXPECT_EQ(server.log().find(token), std::string::npos);
    EXPECT_EQ(server.log().find("secret of alice"), std::string::npos);
}

}  // namespace
