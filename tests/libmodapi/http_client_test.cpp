#include "http2_peer.h"
#include "http_test_client.h"
#include "http_test_server.h"
#include "https_test.h"

#include <modapi/http_client.h>

#include <async/sleep.h>

#include <gtest/gtest.h>
#include <boost/json/serialize.hpp>

#include <sstream>

namespace {

using namespace std::chrono_literals;
using callbacks::JsonValue;
using modapi::HttpClient;
using modapi::HttpClientSettings;

using Request = HttpTestServer::Request;

/// Answers with what was asked.
HttpTestServer::Response echo(const Request& request) {
    boost::json::object seen;
    seen["method"] = std::string(request.method_string());
    seen["target"] = std::string(request.target());
    seen["host"] = std::string(request["Host"]);
    seen["agent"] = std::string(request["User-Agent"]);
    seen["type"] = std::string(request["Content-Type"]);
    seen["authorization"] = std::string(request["Authorization"]);
    seen["body"] = request.body();
    return HttpTestServer::answer(200, boost::json::serialize(seen));
}

JsonValue get(HttpClient& client, const std::string& url) { return wait(client.get_json(url)); }

TEST(HttpClientTest, SendsQueryHeadersAndAgent) {
    const HttpTestServer server(&echo);
    Allowed allowed(server);
    const modapi::QueryArguments arguments = {{"user", "@a b&c=d:x"}, {"ü", "+"}};
    const modapi::HttpHeaders headers = {{"Authorization", "Bearer t"}};
    const JsonValue seen =
        wait(allowed.client.get_json("http://" + server.address() + "/p%20q?a=1#fragment", arguments, headers));
    EXPECT_EQ(seen.at("method"), "GET");
    EXPECT_EQ(seen.at("target"), "/p%20q?a=1&user=%40a%20b%26c%3Dd%3Ax&%C3%BC=%2B");
    EXPECT_EQ(seen.at("host").as_string(), server.address());
    EXPECT_EQ(seen.at("agent"), "modapi");
    EXPECT_EQ(seen.at("authorization"), "Bearer t");
}

TEST(HttpClientTest, PostsJson) {
    const HttpTestServer server(&echo);
    Allowed allowed(server);
    callbacks::JsonDict body;
    body["a"] = 1;
    const JsonValue seen = wait(allowed.client.post_json_get_json("http://" + server.address() + "/", body));
    EXPECT_EQ(seen.at("method"), "POST");
    EXPECT_EQ(seen.at("type"), "application/json");
    EXPECT_EQ(seen.at("body"), "{\"a\":1}");
}

TEST(HttpClientTest, PutsJsonAndPostsForms) {
    const HttpTestServer server(&echo);
    Allowed allowed(server);
    const std::string url = "http://" + server.address() + "/path";
    callbacks::JsonDict body;
    body["a"] = 1;
    const modapi::QueryArguments arguments = {{"x", "a b"}, {"y", "&"}};
    const JsonValue put = wait(allowed.client.put_json(url, body, arguments));
    EXPECT_EQ(put.at("method"), "PUT");
    EXPECT_EQ(put.at("target"), "/path?x=a%20b&y=%26");
    EXPECT_EQ(put.at("type"), "application/json");
    EXPECT_EQ(put.at("body"), "{\"a\":1}");
    const JsonValue posted = wait(allowed.client.post_urlencoded_get_json(url, arguments));
    EXPECT_EQ(posted.at("method"), "POST");
    EXPECT_EQ(posted.at("target"), "/path");
    EXPECT_EQ(posted.at("type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(posted.at("body"), "x=a%20b&y=%26");
}

TEST(HttpClientTest, GivesRawBodiesAndWholeAnswers) {
    const HttpTestServer server([](const Request& request) {
        HttpTestServer::Response response = HttpTestServer::answer(request.target() == "/missing" ? 404 : 200, "raw\n");
        response.set("X-Method", request.method_string());
        response.set("X-Body", request.body());
        return response;
    });
    Allowed allowed(server);
    const std::string url = "http://" + server.address();
    EXPECT_EQ(wait(allowed.client.get_raw(url)), "raw\n");
    EXPECT_THROW(wait(allowed.client.get_raw(url + "/missing")), modapi::HttpResponseException);
    const modapi::HttpHeaders headers = {{"Content-Type", "text/plain"}};
    const modapi::HttpResponse missing = wait(allowed.client.request("PATCH", url + "/missing", "data", headers));
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.reason, "Not Found");
    EXPECT_EQ(missing.header("x-METHOD"), "PATCH");
    EXPECT_EQ(missing.header("X-Body"), "data");
    EXPECT_FALSE(missing.header("X-Other").has_value());
    EXPECT_EQ(missing.body, "raw\n");
    EXPECT_EQ(missing.url, url + "/missing");
    EXPECT_THROW(wait(allowed.client.request("GET / HTTP/1.1", url)), modapi::HttpFormatError);
    EXPECT_THROW(wait(allowed.client.request("CONNECT", url)), modapi::HttpFormatError);
}

TEST(HttpClientTest, WritesFilesIntoAStreamUpToASize) {
    const std::string content(300'000, 'x');
    const HttpTestServer server([&](const Request& request) {
        HttpTestServer::Response response = HttpTestServer::answer(request.target() == "/missing" ? 404 : 200, content);
        response.set("Content-Type", "image/png");
        if (request.target() != "/moved") return response;
        response.result(302);
        response.set("Location", "/end");
        return response;
    });
    HttpClientSettings settings;
    settings.largest_body = 1000'000;
    Allowed allowed(server, settings);
    const std::string url = "http://" + server.address();
    std::ostringstream file;
    const modapi::HttpResponse found = wait(allowed.client.get_file(url + "/moved", file, 300'000));
    EXPECT_EQ(file.str(), content);
    EXPECT_EQ(found.length, content.size());
    EXPECT_EQ(found.body, "");
    EXPECT_EQ(found.url, url + "/end");
    EXPECT_EQ(found.header("content-type"), "image/png");

    std::ostringstream small;
    try {
        static_cast<void>(wait(allowed.client.get_file(url, small, 299'999)));
        FAIL() << "nothing was thrown";
    } catch (const callbacks::SynapseError& error) {
        EXPECT_EQ(error.status(), 502);
        EXPECT_EQ(error.errcode(), "M_TOO_LARGE");
    }
    EXPECT_LE(small.str().size(), 299'999U);
    const modapi::ContentTypeCheck is_text = [](std::string_view type) { return type == "text/plain"; };
    const modapi::HttpHeaders no_headers;
    EXPECT_THROW(wait(allowed.client.get_file(url, small, std::nullopt, no_headers, is_text)), callbacks::SynapseError);
    std::ostringstream untouched;
    EXPECT_THROW(wait(allowed.client.get_file(url + "/missing", untouched)), modapi::HttpResponseException);
    EXPECT_EQ(untouched.str(), "");
    std::ostringstream broken;
    broken.setstate(std::ios::badbit);
    EXPECT_THROW(wait(allowed.client.get_file(url, broken)), boost::system::system_error);
}

TEST(HttpClientTest, ThrowsCodeReasonAndBodyOfAnotherStatusThan2xx) {
    const HttpTestServer server([](const Request&) { return HttpTestServer::answer(404, "{\"errcode\":\"M_NOT_FOUND\"}"); });
    Allowed allowed(server);
    try {
        get(allowed.client, "http://" + server.address());
        FAIL() << "nothing was thrown";
    } catch (const modapi::HttpResponseException& error) {
        EXPECT_EQ(error.code(), 404);
        EXPECT_EQ(error.reason(), "Not Found");
        EXPECT_EQ(error.body(), "{\"errcode\":\"M_NOT_FOUND\"}");
    }
}

TEST(HttpClientTest, RefusesAnAnswerThatIsNotJsonOrTooLarge) {
    const HttpTestServer text([](const Request&) { return HttpTestServer::answer(200, "<html>"); });
    Allowed to_text(text);
    EXPECT_THROW(get(to_text.client, "http://" + text.address()), modapi::HttpFormatError);
    const HttpTestServer large(
        [](const Request&) { return HttpTestServer::answer(200, "\"" + std::string(5000, 'x') + "\""); });
    HttpClientSettings settings;
    settings.largest_body = 1000;
    Allowed to_large(large, settings);
    EXPECT_THROW(get(to_large.client, "http://" + large.address()), modapi::HttpFormatError);
}

TEST(HttpClientTest, RefusesWhatIsNoUrlAndHeadersThatWouldSmuggle) {
    HttpClient client{HttpClientSettings()};
    for (const char* const url : {"", "example.org", "ftp://example.org/", "http://", "http://user:pw@example.org/",
                                  "http://a b/", "http://x:99999/"}) {
        EXPECT_THROW(get(client, url), modapi::HttpFormatError) << url;
    }
    const modapi::HttpHeaders headers = {{"X-A", "1\r\nX-B: 2"}};
    EXPECT_THROW(wait(client.get_json("http://127.0.0.1/", {}, headers)), modapi::HttpFormatError);
}

TEST(HttpClientTest, RefusesBlockedAddressesByLiteralByNameAndMappedIntoIpv6) {
    const HttpTestServer server(&echo);
    HttpClient client{HttpClientSettings()};
    const std::string port = std::to_string(server.port());
    for (const std::string host :
         {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "10.1.2.3", "169.254.169.254", "0.0.0.0"}) {
        EXPECT_THROW(get(client, "http://" + host + ":" + port + "/"), modapi::BlockedAddressError) << host;
    }
    HttpClientSettings settings;
    settings.ip_range_allowlist = {"127.0.0.0/8"};
    HttpClient exempt(settings);
    EXPECT_EQ(get(exempt, "http://127.0.0.1:" + port + "/").at("method"), "GET");
}

TEST(HttpClientTest, AllowsOnlyTheHostAndPortThatWereNamed) {
    const HttpTestServer named(&echo);
    const HttpTestServer other(&echo);
    HttpClient client{HttpClientSettings()};
    client.allow("http://127.0.0.1:" + std::to_string(named.port()) + "/path");
    EXPECT_EQ(get(client, "http://" + named.address() + "/").at("method"), "GET");
    EXPECT_THROW(get(client, "http://" + other.address() + "/"), modapi::BlockedAddressError);
}

TEST(HttpClientTest, RefusesARangeThatIsNone) {
    for (const std::string range : {"10.0.0.0/33", "x", "10.0.0.0/", "::/129", "10.0.0.0/8x"}) {
        HttpClientSettings settings;
        settings.ip_range_blocklist = {range};
        EXPECT_THROW(HttpClient{settings}, modapi::HttpFormatError) << range;
    }
}

HttpTestServer::Handler redirecting_to(std::string location, unsigned status = 302) {
    return [location, status](const Request& request) {
        if (request.target() == "/end") return echo(request);
        HttpTestServer::Response response = HttpTestServer::answer(status, "");
        response.set("Location", location);
        return response;
    };
}

TEST(HttpClientTest, FollowsRedirectsAndChecksEachAgain) {
    const HttpTestServer relative(redirecting_to("/end"));
    Allowed allowed(relative);
    EXPECT_EQ(get(allowed.client, "http://" + relative.address() + "/start").at("target"), "/end");
    const HttpTestServer secret(&echo);
    const HttpTestServer outward(redirecting_to("http://" + secret.address() + "/end"));
    Allowed to_outward(outward);
    EXPECT_THROW(get(to_outward.client, "http://" + outward.address() + "/start"), modapi::BlockedAddressError);
    const HttpTestServer circle(redirecting_to("/again"));
    Allowed to_circle(circle);
    EXPECT_THROW(get(to_circle.client, "http://" + circle.address() + "/start"), modapi::HttpFormatError);
}

TEST(HttpClientTest, DropsCredentialsOnARedirectToAnotherServer) {
    const HttpTestServer target(&echo);
    const HttpTestServer first(redirecting_to("http://" + target.address() + "/end", 307));
    Allowed allowed(first);
    allowed.client.allow(target.address());
    const modapi::HttpHeaders headers = {{"Authorization", "Bearer t"}};
    callbacks::JsonDict body;
    const JsonValue seen = wait(allowed.client.post_json_get_json("http://" + first.address() + "/", body, headers));
    EXPECT_EQ(seen.at("method"), "POST");
    EXPECT_EQ(seen.at("authorization"), "");
}

TEST(HttpClientTest, TimesOutWhenTheServerNeverAnswers) {
    const HttpTestServer silent(nullptr);
    HttpClientSettings settings;
    settings.timeout = 100ms;
    Allowed allowed(silent, settings);
    try {
        get(allowed.client, "http://" + silent.address());
        FAIL() << "nothing was thrown";
    } catch (const modapi::RequestTimedOutError& error) {
        EXPECT_EQ(error.status(), 504);
    }
}

TEST(HttpClientTest, LeavesTheCallersOwnDeadlineToTheCaller) {
    const HttpTestServer silent(nullptr);
    Allowed allowed(silent);
    EXPECT_THROW(wait(async::with_deadline(100ms, allowed.client.get_json("http://" + silent.address()))),
                 async::deadline_exceeded);
}

TEST(HttpClientTest, ReportsARefusedConnection) {
    std::uint16_t port = 0;
    {
        const HttpTestServer gone(&echo);
        port = gone.port();
    }
    HttpClient client{HttpClientSettings()};
    const std::string address = "127.0.0.1:" + std::to_string(port);
    client.allow(address);
    try {
        static_cast<void>(get(client, "http://" + address));
        FAIL() << "nothing was thrown";
    } catch (const boost::system::system_error& error) {
        EXPECT_EQ(error.code(), boost::asio::error::connection_refused);
        EXPECT_EQ(error.what(), address + ": Connection refused [system:111]") << "and not where in Asio's sources";
    }
}

TEST_F(HttpsTest, TalksToAServerWhoseCertificateIsTrusted) {
    trust();
    const HttpTestServer server(&echo, &tls);
    HttpClient client{HttpClientSettings()};
    client.allow(on("localhost", server));
    EXPECT_EQ(get(client, "https://" + on("localhost", server) + "/x").at("target"), "/x");
}

TEST_F(HttpsTest, RefusesACertificateThatNobodyVouchesFor) {
    const HttpTestServer server(&echo, &tls);
    HttpClient client{HttpClientSettings()};
    client.allow(on("localhost", server));
    EXPECT_THROW(get(client, "https://" + on("localhost", server) + "/"), boost::system::system_error);
}

TEST_F(HttpsTest, RefusesACertificateOfAnotherHost) {
    trust();
    const HttpTestServer server(&echo, &tls);
    HttpClient client{HttpClientSettings()};
    client.allow(server.address());
    EXPECT_THROW(get(client, "https://" + server.address() + "/"), boost::system::system_error);
}

/// Its certificate says for whom it is in its subject only.
class OldCertificateTest : public HttpsTest {
protected:
    OldCertificateTest() : HttpsTest("") {}
};

TEST_F(OldCertificateTest, IsRefusedThoughItsSubjectIsTheHost) {
    trust();
    const HttpTestServer server(&echo, &tls);
    HttpClient client{HttpClientSettings()};
    client.allow(on("localhost", server));
    EXPECT_THROW(get(client, "https://" + on("localhost", server) + "/"), boost::system::system_error);
}

class OldAlternativeNamesTest : public HttpsTest {
protected:
    OldAlternativeNamesTest() : HttpsTest("-addext subjectAltName=email:root@localhost") {}
};

TEST_F(OldAlternativeNamesTest, AreRefusedWhereNoneIsAHost) {
    trust();
    const HttpTestServer server(&echo, &tls);
    HttpClient client{HttpClientSettings()};
    client.allow(on("localhost", server));
    EXPECT_THROW(get(client, "https://" + on("localhost", server) + "/"), boost::system::system_error);
}

TEST_F(HttpsTest, SpeaksHttp2WithWhomSpeaksItAndChecksEachHostOfAConnection) {
    trust();
    const Http2Peer peer(tls);
    HttpClient client{HttpClientSettings()};
    client.allow(on("localhost", peer));
    const std::string url = "https://" + on("localhost", peer) + "/";
    for (int round = 0; round < 3; ++round) {
        const modapi::HttpResponse answer = wait(client.request("GET", url));
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.reason, "") << "there is none in HTTP/2";
        EXPECT_EQ(answer.body, "{}");
    }
    EXPECT_EQ(peer.requests(), 3);
    EXPECT_EQ(peer.connections(), 1);
    EXPECT_THROW(get(client, "https://" + on("127.0.0.1", peer) + "/"), modapi::BlockedAddressError);
    EXPECT_EQ(peer.requests(), 3) << "no other host rides the connection";
}

TEST_F(HttpsTest, SendsBodiesByHttp1Only) {
    trust();
    const Http2Peer peer(tls);
    HttpClient client{HttpClientSettings()};
    client.allow(on("localhost", peer));
    const std::string url = "https://" + on("localhost", peer) + "/";
    EXPECT_THROW(wait(client.post_json_get_json(url, callbacks::JsonDict())), boost::system::system_error);
    EXPECT_EQ(peer.requests(), 0) << "which it couldn't answer before it has them";
}

}  // namespace
