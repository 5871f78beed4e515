#pragma once

#include "bus_line.h"
#include "redis_connection.h"

#include <async/notification.h>

#include <chrono>

namespace modapi {

/// Redis, with one connection that publishes and one that has subscribed: such a one can't publish.
class RedisLine final : public BusLine {
public:
    RedisLine(const boost::asio::any_io_executor& executor, const RedisSettings& settings, const std::string& server_name,
              std::chrono::milliseconds answer_within);

    [[nodiscard]] const std::string& name() const noexcept override { return name_; }
    [[nodiscard]] bool is_needed() const noexcept override { return false; }
    [[nodiscard]] std::size_t longest_packet() const noexcept override { return std::size_t(1) << 16; }
    [[nodiscard]] async::task<void> open() override;
    [[nodiscard]] async::task<void> send(std::vector<std::string> packets) override;
    [[nodiscard]] async::task<std::string> receive() override;
    void close() noexcept override;

private:
    async::task<void> connect_both();
    async::task<void> ask_both();

    RedisSettings settings_;
    std::string name_;
    std::string channel_;
    std::chrono::milliseconds answer_within_;
    RedisConnection tells_;
    RedisConnection hears_;
    async::notification pong_;  ///< on the one that hears
};

}  // namespace modapi
