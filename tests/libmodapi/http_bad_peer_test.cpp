#include "http_test_client.h"
#include "raw_peer.h"

#include <modapi/http_client.h>

#include <gtest/gtest.h>
#include <boost/json/serialize.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using modapi::HttpClient;
using modapi::HttpClientSettings;
using Connection = RawPeer::Connection;

constexpr const char* good_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// What a request ended with: `ok BODY`, or the exception.
std::string outcome_of(async::task<std::string> request) {
    try {
        return "ok " + wait(std::move(request));
    } catch (const modapi::RequestTimedOutError&) {
        return "timed out";
    } catch (const callbacks::SynapseError& error) {
        return std::to_string(error.status()) + " " + error.errcode();
    } catch (const modapi::HttpFormatError&) {
        return "format";
    } catch (const modapi::HttpResponseException& error) {
        return "status " + std::to_string(error.code());
    } catch (const modapi::BlockedAddressError&) {
        return "blocked";
    } catch (const boost::system::system_error&) {
        return "network";
    }
}

std::size_t open_files() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

/// What a server may do wrong, and what a module gets then.
struct BadPeer {
    const char* name;
    RawPeer::Script script;
    const char* outcome;
};

const std::vector<BadPeer>& bad_peers() {
    const auto says = [](std::string bytes) {
        return [bytes = std::move(bytes)](Connection& connection) {
            if (connection.read_request()) connection.send(bytes);
        };
    };
    const auto says_and_stays = [](std::string bytes) {
        return [bytes = std::move(bytes)](Connection& connection) {
            if (connection.read_request() && connection.send(bytes)) connection.wait_for_end();
        };
    };
    const auto says_for_ever = [](std::string first, std::string again, std::chrono::milliseconds pause) {
        return [first = std::move(first), again = std::move(again), pause](Connection& connection) {
            if (!connection.read_request() || !connection.send(first)) return;
            while (connection.send(again)) std::this_thread::sleep_for(pause);
        };
    };
    static const std::vector<BadPeer> peers = {
        {"closes at once", [](Connection&) {}, "network"},
        {"closes behind the request", says(""), "network"},
        {"never answers", says_and_stays(""), "timed out"},
        {"stalls in the header", says_and_stays("HTTP/1.1 200 OK\r\nContent-"), "timed out"},
        {"stalls in the body", says_and_stays("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"), "timed out"},
        {"speaks another protocol", says("220 ftp ready\r\n\r\n"), "network"},
        {"says no status", says("HTTP/many\r\nContent-Length: 2\r\n\r\n{}"), "network"},
        {"says a status of four digits", says("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}"), "network"},
        {"says a status of four digits in a version that nobody knows",
         says("HTTP/0.1 2000.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "network"},
        {"announces more than it sends", says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"), "network"},
        {"sends more than it announces", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}{}"), "ok {}"},
        {"announces more than is allowed", says_and_stays("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n{"), "format"},
        {"announces nonsense", says("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"), "network"},
        {"has chunks of nonsense", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"), "network"},
        {"ends within a chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"), "network"},
        {"never ends its body",
         says_for_ever("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "3e8\r\n" + std::string(1000, 'x') + "\r\n",
                       0ms),
         "format"},
        {"never ends its body, and says nothing of its length",
         says_for_ever("HTTP/1.1 200 OK\r\n\r\n", std::string(1000, 'x'), 0ms), "format"},
        {"never ends its header", says_for_ever("HTTP/1.1 200 OK\r\n", "X-More: " + std::string(1000, 'x') + "\r\n", 0ms),
         "network"},
        {"never ends a field", says_for_ever("HTTP/1.1 200 OK\r\nX-More: ", std::string(1000, 'x'), 0ms), "network"},
        {"never ends its interim answers", says_for_ever("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0ms), "network"},
        {"never ends a chunk's size", says_for_ever("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0", 0ms),
         "network"},
        {"never ends a chunk's extension",
         says_for_ever("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;", std::string(1000, 'x'), 0ms), "timed out"},
        {"never ends its chunks' extensions",
         says_for_ever("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;" + std::string(10000, 'x') + "\r\nx\r\n",
                       0ms),
         "format"},
        {"never ends a trailer",
         says_for_ever("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", std::string(1000, 'x'), 0ms),
         "network"},
        {"never ends its trailers",
         says_for_ever("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: " + std::string(1000, 'x') + "\r\n",
                       0ms),
         "network"},
        {"switches to another protocol", says("HTTP/1.1 101 Switching Protocols\r\n\r\n{}"), "status 101"},
        {"drips", says_for_ever("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", "x", 10ms), "timed out"},
        {"redirects into the network", says("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
         "blocked"},
        {"redirects to itself by another name",
         says("HTTP/1.1 302 Found\r\nLocation: http://localhost:9/\r\nContent-Length: "
              "0\r\n\r\n"),
         "blocked"},
        {"redirects to no web address", says("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
         "format"},
    };
    return peers;
}

async::task<std::string> json_of(HttpClient& client, std::string url) {
    const callbacks::JsonValue answer = co_await client.get_json(std::move(url));
    co_return boost::json::serialize(answer);
}

TEST(HttpBadPeerTest, EachEndsInItsErrorWithinItsTimeAndLeavesNothingBehind) {
    const RawPeer good([](Connection& connection) {
        while (connection.read_request() && connection.send(good_answer)) {
        }
    });
    HttpClientSettings settings;
    settings.timeout = 400ms;
    settings.largest_body = 1000;
    HttpClient client(settings);
    client.allow(good.address());
    EXPECT_EQ(outcome_of(json_of(client, "http://" + good.address())), "ok {}");
    const std::size_t open_before = open_files();
    for (const BadPeer& bad : bad_peers()) {
        const auto began = std::chrono::steady_clock::now();
        {
            const RawPeer peer(bad.script);
            client.allow(peer.address());
            EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), bad.outcome) << bad.name;
            // Their certificates are worth nothing, whatever they say.
            EXPECT_NE(outcome_of(json_of(client, "https://" + peer.address())).substr(0, 2), "ok") << bad.name;
        }
        EXPECT_LT(std::chrono::steady_clock::now() - began, 20s) << bad.name;
        EXPECT_EQ(outcome_of(json_of(client, "http://" + good.address())), "ok {}") << "after one that " << bad.name;
        // libcurl looks for kept connections that the other side has closed when a request begins, at most once a second.
        const auto patience = std::chrono::steady_clock::now() + 5s;
        while (open_files() != open_before && std::chrono::steady_clock::now() < patience) {
            EXPECT_EQ(outcome_of(json_of(client, "http://" + good.address())), "ok {}") << "after one that " << bad.name;
        }
        EXPECT_EQ(open_files(), open_before) << bad.name;
    }
    EXPECT_EQ(good.connections(), 1) << "the same connection all the time";
}

TEST(HttpBadPeerTest, AFileIsAsLimitedAsAnyAnswer) {
    HttpClientSettings settings;
    settings.timeout = 400ms;
    HttpClient client(settings);
    class Discarding : public std::streambuf {
        int overflow(int character) override { return character; }
        std::streamsize xsputn(const char*, std::streamsize count) override { return count; }
    };
    for (const BadPeer& bad : bad_peers()) {
        const RawPeer peer(bad.script);
        client.allow(peer.address());
        Discarding nowhere;
        std::ostream output(&nowhere);
        const auto get = [](HttpClient& from, std::string url, std::ostream& into) -> async::task<std::string> {
            const modapi::HttpResponse file = co_await from.get_file(std::move(url), into, 1000);
            co_return std::to_string(file.length);
        };
        std::string expected = bad.outcome;
        if (expected == "ok {}") expected = "ok 2";
        const std::string name = bad.name;
        if (expected == "format" && name != "redirects to no web address") expected = "502 M_TOO_LARGE";
        EXPECT_EQ(outcome_of(get(client, "http://" + peer.address(), output)), expected) << bad.name;
    }
}

/// Of this process's memory, in kB.
long resident_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    }
    return 0;
}

TEST(HttpBadPeerTest, WhatNeverEndsCostsNoMemory) {
    HttpClientSettings settings;
    settings.timeout = 400ms;
    HttpClient client(settings);
    long before = 0;
    for (int round = 0; round < 2; ++round) {
        for (const BadPeer& bad : bad_peers()) {
            const std::string name = bad.name;
            if (name.find("never ends") != 0 || name.find("never ends its body") == 0) continue;
            const RawPeer peer(bad.script);
            client.allow(peer.address());
            EXPECT_NE(outcome_of(json_of(client, "http://" + peer.address())), "ok {}") << bad.name;
        }
        if (round == 0) before = resident_memory();  // with what is kept for the next time
    }
    EXPECT_LT(resident_memory() - before, 8 * 1024) << "kB";
}

TEST(HttpBadPeerTest, OneConnectionServesRequestAfterRequest) {
    const RawPeer peer([](Connection& connection) {
        while (connection.read_request() && connection.send(good_answer)) {
        }
    });
    HttpClient client{HttpClientSettings()};
    client.allow(peer.address());
    for (int request = 0; request < 20; ++request) {
        EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), "ok {}");
    }
    EXPECT_EQ(peer.connections(), 1);
}

TEST(HttpBadPeerTest, AConnectionThatMayNotGoOnIsNotUsedAgain) {
    const std::string endings[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n666"};
    for (const std::string& answer : endings) {
        const RawPeer peer([&](Connection& connection) {
            while (connection.read_request() && connection.send(answer)) {
            }
        });
        HttpClient client{HttpClientSettings()};
        client.allow(peer.address());
        for (int request = 0; request < 3; ++request) {
            EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), "ok {}") << answer;
        }
        EXPECT_EQ(peer.connections(), 3) << answer;
    }
}

TEST(HttpBadPeerTest, ARequestIsSentAgainWhereTheServerClosedAConnectionThatRested) {
    // Reads the second request of a connection and closes without an answer, as one does that had closed just then.
    const RawPeer peer([](Connection& connection) {
        if (connection.read_request() && connection.send(good_answer)) connection.read_request();
    });
    HttpClient client{HttpClientSettings()};
    client.allow(peer.address());
    EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), "ok {}");
    EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), "ok {}");
    EXPECT_EQ(peer.connections(), 2);
    const auto post = [](HttpClient& to, std::string url) -> async::task<std::string> {
        callbacks::JsonDict body;
        const callbacks::JsonValue answer = co_await to.post_json_get_json(std::move(url), std::move(body));
        co_return boost::json::serialize(answer);
    };
    EXPECT_EQ(outcome_of(post(client, "http://" + peer.address())), "ok {}");
    EXPECT_EQ(outcome_of(post(client, "http://" + peer.address())), "ok {}");
    EXPECT_EQ(peer.connections(), 4);
}

TEST(HttpBadPeerTest, ALargeBodyIsSentAgainWhereTheServerClosedWhileItWasSent) {
    std::atomic<int> connections = 0;
    const RawPeer peer([&](Connection& connection) {
        const bool is_first = ++connections == 1;
        if (!connection.read_request() || !connection.send(good_answer)) return;
        if (is_first) {
            connection.read_request();  // its head: the body doesn't fit into the buffers between here and there
        } else {
            connection.wait_for_end();
        }
    });
    HttpClient client{HttpClientSettings()};
    client.allow(peer.address());
    EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), "ok {}");
    const modapi::HttpResponse answer = wait(client.request("POST", "http://" + peer.address(), std::string(8'000'000, 'x')));
    EXPECT_EQ(answer.body, "{}");
    EXPECT_EQ(connections, 2);
}

TEST(HttpBadPeerTest, ARequestIsNotSentAgainWhereAnAnswerHadBegun) {
    const RawPeer peer([](Connection& connection) {
        if (!connection.read_request() || !connection.send(good_answer)) return;
        if (connection.read_request()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{");
    });
    HttpClient client{HttpClientSettings()};
    client.allow(peer.address());
    EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), "ok {}");
    EXPECT_EQ(outcome_of(json_of(client, "http://" + peer.address())), "network");
    EXPECT_EQ(peer.connections(), 1);
}

TEST(HttpBadPeerTest, ARequestIsNotSentAgainWhereANewConnectionIsClosed) {
    const RawPeer peer([](Connection& connection) { connection.read_request(); });
    HttpClient client{HttpClientSettings()};
    client.allow(peer.address());
    for (const std::string method : {"GET", "POST", "PUT"}) {
        const int before = peer.connections();
        EXPECT_THROW(wait(client.request(method, "http://" + peer.address(), "{}")), boost::system::system_error) << method;
        EXPECT_EQ(peer.connections(), before + 1) << method;
    }
}

}  // namespace
