#include "http_test_client.h"
#include "http_test_server.h"
#include "raw_peer.h"

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <list>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using async::testing::simulation;
using modapi::HttpClient;
using modapi::HttpClientSettings;
using Connection = RawPeer::Connection;

constexpr auto patience = 60s;

constexpr const char* whole_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

void answer_all(Connection& connection) {
    while (connection.read_request() && connection.send(whole_answer)) {
    }
}

/// Lets sockets do what they do, without moving the time; false: it took too long.
template <class Condition>
bool happens(simulation& time, Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < give_up) {
        time.run_ready();
        time.io().restart();
        time.io().run_one_for(10ms);
    }
    return condition();
}

TEST(HttpConnectionTest, ManyRequestsAreUnderWayAtOnce) {
    constexpr int count = 40;
    std::atomic<int> waiting = 0;
    std::promise<void> all_wait;
    const std::shared_future<void> go_on = all_wait.get_future().share();
    const RawPeer peer([&](Connection& connection) {
        if (!connection.read_request()) return;
        if (++waiting == count) all_wait.set_value();
        if (go_on.wait_for(patience) != std::future_status::ready) return;
        connection.send(whole_answer);
        connection.wait_for_end();
    });
    simulation time;
    Allowed allowed(peer);
    std::vector<async::testing::started<std::string>> requests;
    for (int number = 0; number < count; ++number) {
        requests.push_back(time.start(allowed.client.get_raw("http://" + peer.address())));
    }
    EXPECT_TRUE(
        happens(time, [&] { return std::all_of(requests.begin(), requests.end(), [](auto& one) { return one.done(); }); }));
    for (auto& request : requests) EXPECT_EQ(request.result(), "{}");
    time.end_all();
}

TEST(HttpConnectionTest, ACancelledRequestIsCutAtOnceInVirtualTime) {
    std::promise<void> asked;
    std::promise<void> cut;
    const RawPeer peer([&](Connection& connection) {
        if (!connection.read_request()) return;
        asked.set_value();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
        connection.wait_for_end();
        cut.set_value();
    });
    simulation time;
    Allowed allowed(peer);
    const auto request = time.start(allowed.client.get_raw("http://" + peer.address()));
    std::future<void> is_asked = asked.get_future();
    ASSERT_TRUE(happens(time, [&] { return is_asked.wait_for(0s) == std::future_status::ready; }));
    request.cancel(async::cancel_reason::caller_gone);
    time.run_ready();
    EXPECT_TRUE(request.done());
    EXPECT_THROW(request.result(), async::operation_cancelled);
    EXPECT_EQ(cut.get_future().wait_for(patience), std::future_status::ready) << "the server sees it";
}

TEST(HttpConnectionTest, ItsTimeIsThatOfTheClock) {
    const RawPeer silent([](Connection& connection) { connection.wait_for_end(); });
    simulation time;
    HttpClientSettings settings;
    settings.timeout = 3h;
    Allowed allowed(silent, settings);
    const auto began = std::chrono::steady_clock::now();
    const auto request = time.start(allowed.client.get_raw("http://" + silent.address()));
    time.advance(3h - 1s);
    EXPECT_FALSE(request.done());
    time.advance(1s);
    ASSERT_TRUE(request.done());
    EXPECT_THROW(request.result(), modapi::RequestTimedOutError);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 1min);
}

TEST(HttpConnectionTest, ARequestThatEndsWithItsClientLeavesNothingToBeCalled) {
    const RawPeer silent([](Connection& connection) { connection.wait_for_end(); });
    simulation time;
    {
        std::optional<Allowed> allowed(std::in_place, silent);
        const auto request = time.start(allowed->client.get_raw("http://" + silent.address()));
        happens(time, [&] { return silent.connections() == 1; });
        request.cancel(async::cancel_reason::stopping);
        EXPECT_FALSE(request.done());
        time.end_all();
    }
    time.run_ready();
    time.advance(1h);
}

TEST(HttpConnectionTest, AConnectionThatOneNameWasAllowedServesNoOtherName) {
    std::atomic<int> requests = 0;
    const RawPeer peer([&](Connection& connection) {
        while (connection.read_request()) {
            ++requests;
            connection.send(whole_answer);
        }
    });
    Allowed allowed(peer);
    const std::string port = peer.address().substr(peer.address().find(':'));
    EXPECT_EQ(wait(allowed.client.get_raw("http://127.0.0.1" + port)), "{}");
    for (const std::string other : {"localhost", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::1]", "127.0.0.2"}) {
        EXPECT_THROW(wait(allowed.client.get_raw("http://" + other + port)), modapi::BlockedAddressError) << other;
    }
    EXPECT_EQ(wait(allowed.client.get_raw("http://127.0.0.1" + port)), "{}");
    EXPECT_EQ(requests, 2);
    EXPECT_EQ(peer.connections(), 1) << "which is still there";
}

TEST(HttpConnectionTest, AnAddressIsTheSameHoweverItIsWritten) {
    const RawPeer peer(&answer_all);
    Allowed allowed(peer);
    HttpClient not_allowed{HttpClientSettings()};
    const std::string port = peer.address().substr(peer.address().find(':'));
    for (const std::string host : {"127.0.0.1", "127.1", "0x7f000001", "0177.0.0.1", "2130706433"}) {
        EXPECT_EQ(wait(allowed.client.get_raw("http://" + host + port)), "{}") << host;
        EXPECT_THROW(wait(not_allowed.get_raw("http://" + host + port)), modapi::BlockedAddressError) << host;
    }
    EXPECT_EQ(peer.connections(), 1);
}

TEST(HttpConnectionTest, RefusesAHostWithCharactersThatEndAHost) {
    HttpClient client{HttpClientSettings()};
    for (const std::string host : {"a%2Fb", "a%40b", "a%20b", "a%00b", "a%3Fb", "%C3%BC"}) {
        EXPECT_EQ(message_of<modapi::HttpFormatError>(client.get_raw("http://" + host + "/")),
                  "the URL's host has characters that no host has")
            << host;
    }
}

TEST(HttpConnectionTest, EachClientHasConnectionsOfItsOwn) {
    const RawPeer peer(&answer_all);
    Allowed one(peer);
    Allowed other(peer);
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(wait(one.client.get_raw("http://" + peer.address())), "{}");
        EXPECT_EQ(wait(other.client.get_raw("http://" + peer.address())), "{}");
    }
    EXPECT_EQ(peer.connections(), 2);
    HttpClient not_allowed{HttpClientSettings()};
    EXPECT_THROW(wait(not_allowed.get_raw("http://" + peer.address())), modapi::BlockedAddressError);
}

TEST(HttpConnectionTest, SixteenConnectionsAreKept) {
    std::atomic<int> open = 0;
    std::list<RawPeer> peers;
    HttpClient client{HttpClientSettings()};
    for (int number = 0; number < 20; ++number) {
        const RawPeer& peer = peers.emplace_back([&](Connection& connection) {
            ++open;
            answer_all(connection);
            --open;
        });
        client.allow(peer.address());
        EXPECT_EQ(wait(client.get_raw("http://" + peer.address())), "{}");
    }
    simulation time;
    EXPECT_TRUE(happens(time, [&] { return open == 16; })) << open;
    EXPECT_EQ(wait(client.get_raw("http://" + peers.back().address())), "{}");
    EXPECT_EQ(open, 16);
}

TEST(HttpConnectionTest, ARequestWhoseConnectionIsClosedGoesOutOnceMoreOverANewOneAndNotOverAnotherThatRested) {
    std::atomic<int> requests = 0;
    std::promise<void> both_wait;
    const std::shared_future<void> go_on = both_wait.get_future().share();
    const RawPeer peer([&](Connection& connection) {
        if (!connection.read_request()) return;
        const int number = ++requests;
        if (number == 2) both_wait.set_value();
        if (number <= 2) {
            if (go_on.wait_for(patience) != std::future_status::ready || !connection.send(whole_answer)) return;
            if (connection.read_request()) ++requests;
            return;
        }
        connection.send(whole_answer);
        connection.wait_for_end();
    });
    simulation time;
    Allowed allowed(peer);
    const auto one = time.start(allowed.client.get_raw("http://" + peer.address()));
    const auto other = time.start(allowed.client.get_raw("http://" + peer.address()));
    ASSERT_TRUE(happens(time, [&] { return one.done() && other.done(); }));
    EXPECT_EQ(peer.connections(), 2);
    const auto post = time.start(allowed.client.request("POST", "http://" + peer.address(), "{}"));
    ASSERT_TRUE(happens(time, [&] { return post.done(); }));
    EXPECT_EQ(post.result().body, "{}");
    EXPECT_EQ(requests, 4) << "two that were answered, one that met the end, and that one again";
    EXPECT_EQ(peer.connections(), 3);
    time.end_all();
}

TEST(HttpConnectionTest, BodiesOfAnyMethodAndLargeOnesAreSentWithoutAsking) {
    const HttpTestServer server([](const HttpTestServer::Request& request) {
        HttpTestServer::Response response = HttpTestServer::answer(200, std::to_string(request.body().size()));
        response.set("X-Seen", std::string(request.method_string()) + "|" + std::string(request["Expect"]) + "|" +
                                   std::string(request["Content-Type"]) + "|" + std::string(request["Accept"]) + "|" +
                                   std::string(request["X-Empty"]) + "|" + std::string(request["Host"]));
        return response;
    });
    Allowed allowed(server);
    const std::string large(3'000'000, 'x');
    const modapi::HttpHeaders headers = {
        {"X-Empty", ""}, {"Host", "other.example"}, {"Content-Length", "1"}, {"Transfer-Encoding", "x"}};
    for (const std::string method : {"POST", "PUT", "PATCH", "DELETE", "GET", "REPORT"}) {
        const modapi::HttpResponse answer = wait(allowed.client.request(method, "http://" + server.address(), large, headers));
        EXPECT_EQ(answer.body, "3000000") << method;
        EXPECT_EQ(answer.header("X-Seen"), method + "||||" + "|" + server.address());
    }
    const modapi::HttpResponse head = wait(allowed.client.request("HEAD", "http://" + server.address()));
    EXPECT_EQ(head.header("Content-Length"), "1");
    EXPECT_EQ(head.body, "");
    const modapi::HttpResponse empty = wait(allowed.client.request("POST", "http://" + server.address()));
    EXPECT_EQ(empty.body, "0");
}

TEST(HttpConnectionTest, InterimAnswersLeaveEachRequestItsOwnAnswer) {
    constexpr const char* interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    // The answer is the request's own target.
    const auto answer = [](const Connection& connection) {
        const std::string& request = connection.request();
        const std::string target = request.substr(request.find('/'), request.find(' ', request.find('/')) - request.find('/'));
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(target.size()) + "\r\n\r\n" + target;
    };
    const std::pair<const char*, RawPeer::Script> peers[] = {
        {"before the first answer",
         [&](Connection& connection) {
             bool is_first = true;
             while (connection.read_request() && (!std::exchange(is_first, false) || connection.send(interim)) &&
                    connection.send(answer(connection))) {
             }
         }},
        {"before each answer",
         [&](Connection& connection) {
             while (connection.read_request() && connection.send(interim) && connection.send(interim + answer(connection))) {
             }
         }},
        {"and one that doesn't wait for the next request",
         [&](Connection& connection) {
             while (connection.read_request() && connection.send(answer(connection) + interim)) {
             }
         }},
    };
    for (const auto& [name, script] : peers) {
        const RawPeer peer(script);
        Allowed allowed(peer);
        for (int count = 0; count < 10; ++count) {
            const std::string target = "/" + std::to_string(count);
            const std::string method = count % 2 == 0 ? "GET" : "POST";
            const modapi::HttpResponse got = wait(allowed.client.request(method, "http://" + peer.address() + target));
            EXPECT_EQ(got.status, 200) << name;
            EXPECT_EQ(got.body, target) << name;
        }
    }
}

TEST(HttpConnectionTest, SkipsInterimAnswersAndWhatFollowsABody) {
    const RawPeer peer([](Connection& connection) {
        if (!connection.read_request()) return;
        connection.send(
            "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 Fine and well\r\nX-A:  a \r\n b\r\nX-Empty:\r\n"
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n");
        connection.wait_for_end();
    });
    Allowed allowed(peer);
    const modapi::HttpResponse answer = wait(allowed.client.request("GET", "http://" + peer.address()));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.reason, "Fine and well");
    EXPECT_EQ(answer.body, "{}");
    EXPECT_EQ(answer.header("X-A"), "a b");
    EXPECT_EQ(answer.header("X-Empty"), "");
    EXPECT_FALSE(answer.header("X-Early"));
    EXPECT_FALSE(answer.header("X-Late"));
}

}  // namespace
