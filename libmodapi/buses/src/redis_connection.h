#pragma once

#include <modapi/hosting/redis_bus.h>

#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <hiredis/hiredis.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace modapi {

struct FreeRedisReply {
    void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};
using RedisReply = std::unique_ptr<redisReply, FreeRedisReply>;

/// The bytes of a command, as Redis reads it.
[[nodiscard]] std::string redis_command(std::initializer_list<std::string_view> words);
[[nodiscard]] std::string_view text_of(const redisReply& reply) noexcept;

/// One connection to Redis: commands go out, replies come in. hiredis reads and writes its form, Asio carries it.
///
/// Thread: that of the executor; one `write` and one `read` at a time, side by side. Errors: BusLost; BusError where Redis
/// refuses for good, or its certificate can't be verified; none holds the password. Cancel: cuts it, and the connection is of
/// no use then.
class RedisConnection {
public:
    /// `settings` outlive it.
    RedisConnection(const boost::asio::any_io_executor& executor, const RedisSettings& settings);

    /// Also says the password, if there is one.
    [[nodiscard]] async::task<void> open();
    void close() noexcept;
    [[nodiscard]] async::task<void> write(std::string commands);
    /// The next reply, which is no error.
    [[nodiscard]] async::task<RedisReply> read();

private:
    using Socket = boost::asio::generic::stream_protocol::socket;
    struct FreeReader {
        void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
    };

    async::task<void> connect();
    async::task<void> secure();
    /// Whom it trusts; read anew for each connection.
    void make_tls();
    [[noreturn]] void refuse(std::string_view reply) const;

    const RedisSettings& settings_;
    boost::asio::any_io_executor executor_;
    Socket socket_;
    std::optional<boost::asio::ssl::context> trust_;
    std::optional<boost::asio::ssl::stream<Socket&>> tls_;
    std::unique_ptr<redisReader, FreeReader> reader_;
    std::array<char, 16384> buffer_ = {};
};

}  // namespace modapi
