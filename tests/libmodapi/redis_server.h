#pragma once

#include "temporary_folder.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

/// A Redis server of its own on a port of 127.0.0.1 and on a socket in a temporary folder, which keeps nothing and ends with
/// the test's process.
class RedisServer {
public:
    /// `settings` are further arguments of redis-server. It is there when this returns.
    explicit RedisServer(std::vector<std::string> settings = {});
    ~RedisServer();
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    [[nodiscard]] static bool is_installed();
    /// Sends one command and gives the first line of the answer.
    std::string run(std::initializer_list<std::string_view> words) const;
    void kill();
    /// After kill, on the same port.
    void start();
    void signal(int number) const;
    /// Takes and ends as many connections, in the place of a server that was killed.
    void refuse_connections(int count) const;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::string socket() const { return folder_.file("redis.sock"); }

private:
    TemporaryFolder folder_;
    std::vector<std::string> settings_;
    std::uint16_t port_;
    pid_t process_ = -1;
};

/// A port of 127.0.0.1 that nobody listens on.
[[nodiscard]] std::uint16_t free_port();
