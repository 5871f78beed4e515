#pragma once

#include <modapi/hosting/postgresql_parameters.h>

#include "bus_line.h"

#include <async/notification.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// LISTEN and NOTIFY through libpq, without a wait but Asio's for the socket. A packet travels as hexadecimal digits, since
/// what NOTIFY carries is text.
class PostgresqlLine final : public BusLine {
public:
    /// `channel`: empty: that of the schema. Errors: BusError for parameters that don't parse.
    PostgresqlLine(const boost::asio::any_io_executor& executor, const std::string& connection, std::string channel,
                   std::chrono::milliseconds answer_within);
    ~PostgresqlLine() override;

    [[nodiscard]] const std::string& name() const noexcept override { return name_; }
    [[nodiscard]] bool is_needed() const noexcept override { return true; }
    [[nodiscard]] std::size_t longest_packet() const noexcept override;
    [[nodiscard]] async::task<void> open() override;
    [[nodiscard]] async::task<void> send(std::vector<std::string> packets) override;
    [[nodiscard]] async::task<std::string> receive() override;
    void close() noexcept override;

private:
    using Wait = boost::asio::posix::stream_descriptor::wait_type;
    struct Close {
        void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
        void operator()(PGresult* result) const noexcept { PQclear(result); }
        void operator()(PGnotify* notification) const noexcept { PQfreemem(notification); }
    };
    using Result = std::unique_ptr<PGresult, Close>;

    async::task<void> connect();
    async::task<void> finish_connecting();
    /// How the bus's session differs from others, and the name of the channel.
    async::task<void> begin_listening();
    async::task<Result> run(std::string sql, std::vector<std::string> values);
    /// Waits until the server may have said something more; of two who wait one reads for both.
    async::task<void> read_more();
    /// What was notified of, of all that was read; libpq looks at nothing behind a result that wasn't taken.
    void take_notifications();
    /// Warnings go to the log; why the server ends the session is why the line is lost.
    static void take_notice(void* self, const PGresult* notice);
    [[noreturn]] void fail() const;

    const std::string name_ = "PostgreSQL";
    PostgresqlParameters parameters_;
    std::string wanted_channel_;
    std::string channel_;
    std::chrono::milliseconds answer_within_;
    std::unique_ptr<PGconn, Close> connection_;
    std::deque<std::string> heard_;
    std::string farewell_;                          ///< what the server said when it ended the session
    boost::asio::posix::stream_descriptor socket_;  ///< the socket stays libpq's
    bool is_reading_ = false;                       ///< somebody waits for the socket
    async::notification has_read_;
};

}  // namespace modapi
