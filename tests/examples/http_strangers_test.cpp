// What strangers cost a running server: memory, connections, file descriptors.
#include "server_process.h"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace homeserver_test;
using std::chrono::steady_clock;

const std::string post_chunks = "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

class HttpStrangersTest : public testing::Test {
protected:
    /// A number of kB from the process's status.
    [[nodiscard]] long memory(const std::string& name) const {
        std::ifstream status("/proc/" + std::to_string(server.process()) + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
        }
        return 0;
    }
    void set_limit(__rlimit_resource resource, rlim_t soft) const {
        rlimit limit{};
        ASSERT_EQ(::prlimit(server.process(), resource, nullptr, &limit), 0);
        limit.rlim_cur = std::min(soft, limit.rlim_max);
        ASSERT_EQ(::prlimit(server.process(), resource, &limit, nullptr), 0);
    }
    void expect_that_it_goes_on() const { EXPECT_EQ(server.request("GET", "/_matrix/client/versions").status, 200); }

    TemporaryFolder folder;
    ServerProcess server{folder.path(),
                         "enable_registration: true\nenable_registration_without_verification: true\nmodules:\n"
                         "  - module: stubborn.Stubborn\n"};
};

/// Sends the same again and again, without waiting for anybody.
class EndlessSender {
public:
    EndlessSender(unsigned short port, const std::string& begins) : connection_(std::make_unique<RawConnection>(port)) {
        connection_->send(begins);
        connection_->socket().non_blocking(true);
    }
    /// As much as goes; false: the server has closed.
    bool send(const std::string& again) {
        boost::system::error_code error;
        sent_ += connection_->socket().write_some(boost::asio::buffer(again), error);
        return !error || error == boost::asio::error::would_block;
    }
    /// The first line of what the server has answered so far; empty: nothing.
    [[nodiscard]] std::string answer() {
        char part[512];
        boost::system::error_code error;
        const std::size_t size = connection_->socket().read_some(boost::asio::buffer(part), error);
        answer_.append(part, size);
        return answer_.substr(0, answer_.find("\r\n"));
    }
    [[nodiscard]] std::size_t sent() const noexcept { return sent_; }

private:
    std::unique_ptr<RawConnection> connection_;
    std::size_t sent_ = 0;
    std::string answer_;
};

TEST_F(HttpStrangersTest, WhoNeverEndsIsAnsweredAndThenCutOff) {
    const std::string block(64 * 1024, '0');
    std::string fields;
    while (fields.size() < block.size()) fields += "X-More: 12345678\r\n";
    struct EndlessStranger {
        const char* name;
        std::string begins;
        const std::string& again;
        const char* answer;
    };
    const std::vector<EndlessStranger> all = {{"an extension", post_chunks + "1;", block, "HTTP/1.1 400 "},
                                              {"a size", post_chunks, block, "HTTP/1.1 400 "},
                                              {"a trailer", post_chunks + "0\r\nX: ", block, "HTTP/1.1 400 "},
                                              {"trailers", post_chunks + "0\r\n", fields, "HTTP/1.1 400 "},
                                              {"a header", "GET / HTTP/1.1\r\nX: ", block, "HTTP/1.1 431 "},
                                              {"headers", "GET / HTTP/1.1\r\n", fields, "HTTP/1.1 431 "}};
    for (const EndlessStranger& endless : all) {
        EndlessSender sender(server.port(), endless.begins);
        const auto until = steady_clock::now() + std::chrono::seconds(30);
        std::string answer;
        // What the kernels of both sides keep is between them.
        constexpr std::size_t enough = 32 * 1024 * 1024;
        while (answer.empty() && sender.sent() < enough && steady_clock::now() < until) {
            if (!sender.send(endless.again)) break;
            answer = sender.answer();
        }
        if (answer.empty()) answer = sender.answer();
        EXPECT_TRUE(answer.starts_with(endless.answer)) << endless.name << ": " << answer;
        while (sender.send(endless.again) && steady_clock::now() < until) std::this_thread::yield();
        EXPECT_LT(steady_clock::now(), until) << endless.name << " is read for ever";
        EXPECT_LT(sender.sent(), 100 * 1024 * 1024U) << endless.name;
    }
    expect_that_it_goes_on();
}

TEST_F(HttpStrangersTest, AThousandEndlessChunkExtensionsCostLessThan64Megabytes) {
    expect_that_it_goes_on();
    const long before = memory("VmRSS");
    const std::string block(16 * 1024, 'x');
    std::vector<EndlessSender> senders;
    for (int count = 0; count < 1000; ++count) senders.emplace_back(server.port(), post_chunks + "1;");
    long max_resident = 0;
    const auto until = steady_clock::now() + std::chrono::seconds(3);
    while (steady_clock::now() < until) {
        for (EndlessSender& sender : senders) static_cast<void>(sender.send(block));
        max_resident = std::max(max_resident, memory("VmRSS"));
    }
    std::size_t refused = 0;
    for (EndlessSender& sender : senders) refused += sender.answer().starts_with("HTTP/1.1 400 ") ? 1 : 0;
    EXPECT_GT(refused, 900U) << "of those whose answer wasn't lost with their connection";
    // AddressSanitizer keeps what was freed for a while, and a shadow of everything.
#ifdef __SANITIZE_ADDRESS__
    constexpr long limit = 256 * 1024;
#else
    constexpr long limit = 64 * 1024;
#endif
    EXPECT_LT(max_resident - before, limit) << "kB";
    std::cout << "a thousand endless chunk extensions: " << max_resident - before << " kB more than " << before << " kB\n";
    expect_that_it_goes_on();
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(HttpStrangersTest, MemoryThatOneConnectionDoesNotGetEndsThatConnectionOnly) {
    expect_that_it_goes_on();
    set_limit(RLIMIT_AS, static_cast<rlim_t>(memory("VmSize") + 48 * 1024) * 1024);
    const std::string half(5'000'000, 'x');
    std::vector<EndlessSender> senders;
    for (int count = 0; count < 40; ++count) {
        senders.emplace_back(server.port(),
                             "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
    }
    const auto until = steady_clock::now() + std::chrono::seconds(20);
    const auto some_ended = [&] {
        return std::any_of(senders.begin(), senders.end(),
                           [&](EndlessSender& sender) { return sender.sent() < half.size() && !sender.send(half); });
    };
    while (!some_ended() && steady_clock::now() < until) std::this_thread::yield();
    EXPECT_TRUE(server.log_shows("a connection ended with an error"));
    set_limit(RLIMIT_AS, RLIM_INFINITY);
    senders.clear();
    expect_that_it_goes_on();
}
#endif

TEST_F(HttpStrangersTest, WhatHoldsAllDescriptorsIsSaidOnceASecondAndWhoComesIsTurnedAway) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "without a descriptor for a pipe of its own the sanitizer takes all memory for unreadable";
#endif
    const std::string token = server.register_user("waits");
    constexpr rlim_t limit = 120;
    set_limit(RLIMIT_NOFILE, limit);
    const std::string whoami = "GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n";
    std::vector<std::unique_ptr<RawConnection>> clients;
    for (int count = 0; count < 30; ++count) {
        clients.push_back(std::make_unique<RawConnection>(server.port()));
        clients.back()->send(whoami);
    }
    const auto began = steady_clock::now();
    while (clients.size() < limit + 30) clients.push_back(std::make_unique<RawConnection>(server.port()));
    EXPECT_EQ(clients.back()->read_to_end(), "") << "it is closed, and doesn't wait for its turn";
    EXPECT_TRUE(server.log_shows("all 120 file descriptors are in use: "));
    while (steady_clock::now() < began + std::chrono::milliseconds(1500)) RawConnection(server.port()).close();
    const std::string log = server.log();
    EXPECT_NE(log.find("by clients (30 are being answered: 30 by /_matrix/client/v3/account/whoami), "), std::string::npos)
        << log;
    std::size_t lines = 0;
    for (std::size_t at = log.find("couldn't be let in"); at != std::string::npos; at = log.find("couldn't be let in", at + 1))
        ++lines;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - began).count();
    EXPECT_LE(lines, static_cast<std::size_t>(seconds) + 2);
    clients.clear();
    const auto until = steady_clock::now() + std::chrono::seconds(20);
    bool is_let_in = false;
    while (!is_let_in && steady_clock::now() < until) {
        try {
            is_let_in = server.request("GET", "/_matrix/client/versions").status == 200;
        } catch (const std::exception&) {
            std::this_thread::yield();  // turned away: not all have been closed there
        }
    }
    EXPECT_TRUE(is_let_in);
}

}  // namespace
