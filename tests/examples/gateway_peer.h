#pragma once

#include "../libmodapi/http_test_server.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

namespace homeserver_test {

/// A push gateway: a real HTTP server that keeps what it is told.
class GatewayPeer {
public:
    GatewayPeer() : server_([this](const HttpTestServer::Request& request) { return received(request); }) {}

    [[nodiscard]] std::string url() const { return "http://" + server_.address() + "/_matrix/push/v1/notify"; }
    /// The body of the set request that names this gateway. `more` is more of `data`.
    [[nodiscard]] std::string pusher(const std::string& pushkey, const std::string& more = {}) const {
        return R"({"kind":"http","app_id":"org.example.app","app_display_name":"App","device_display_name":"Phone","lang":"en",)"
               R"("pushkey":")" +
               pushkey + R"(","data":{"url":")" + url() + "\"" + more + "}}";
    }
    /// Answers the next requests like this, one after the other; those behind them with 200 and nothing rejected.
    void answer_next(unsigned status, std::string body) {
        const std::lock_guard lock(mutex_);
        answers_.emplace_back(status, std::move(body));
    }
    /// The next notification; fails the test if none comes.
    [[nodiscard]] boost::json::object next() {
        std::unique_lock lock(mutex_);
        if (!came_.wait_for(lock, std::chrono::seconds(30), [this] { return !bodies_.empty(); })) {
            ADD_FAILURE() << "the gateway was told nothing";
            return {};
        }
        const std::string body = std::move(bodies_.front());
        bodies_.pop_front();
        return boost::json::parse(body).at("notification").as_object();
    }
    [[nodiscard]] bool was_told_nothing() {
        const std::lock_guard lock(mutex_);
        return bodies_.empty();
    }

private:
    HttpTestServer::Response received(const HttpTestServer::Request& request) {
        const std::lock_guard lock(mutex_);
        EXPECT_EQ(request.target(), "/_matrix/push/v1/notify");
        EXPECT_EQ(request.method_string(), "POST");
        bodies_.push_back(request.body());
        came_.notify_all();
        if (answers_.empty()) return HttpTestServer::answer(200, R"({"rejected":[]})");
        const auto [status, body] = std::move(answers_.front());
        answers_.pop_front();
        return HttpTestServer::answer(status, body);
    }

    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<std::string> bodies_;
    std::deque<std::pair<unsigned, std::string>> answers_;
    HttpTestServer server_;
};

/// What a server's configuration says so that it reaches gateways on this machine.
inline const std::string reaches_loopback = "ip_range_allowlist: [127.0.0.0/8]\n";

}  // namespace homeserver_test
