#include "postgresql_line.h"

#include <modapi/database.h>
#include <modapi/hosting/bus_error.h>
#include <modapi/hosting/log.h>

#include <async/sleep.h>
#include <async/use_task.h>

#include <spdlog/spdlog.h>
#include <boost/algorithm/hex.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace modapi {

namespace {

/// The server refuses to notify of more.
constexpr std::size_t longest_payload = 7999;
/// So many packets are one statement, and one transaction of the server.
constexpr std::size_t packets_at_once = 64;

/// A session that only listens says nothing for days: both ends find out when the other is gone, and what lies between keeps
/// the connection.
const PostgresqlParameters::Values parameters_of_buses = {{"fallback_application_name", "modapi bus"},
                                                          {"keepalives", "1"},
                                                          {"keepalives_count", "3"},
                                                          {"keepalives_idle", "10"},
                                                          {"keepalives_interval", "5"},
                                                          {"tcp_user_timeout", "20000"}};

PostgresqlParameters read_parameters_of_bus(const std::string& connection) {
    try {
        return PostgresqlParameters(connection, parameters_of_buses);
    } catch (const DatabaseError& error) {
        throw BusError(error.what());
    }
}

std::string hexadecimal(std::string_view bytes) {
    std::string digits;
    digits.reserve(2 * bytes.size());
    boost::algorithm::hex_lower(bytes.begin(), bytes.end(), std::back_inserter(digits));
    return digits;
}

/// Empty, which no packet is, if it is no such text.
std::string bytes_of_hexadecimal(std::string_view digits) {
    std::string bytes;
    bytes.reserve(digits.size() / 2);
    try {
        boost::algorithm::unhex(digits.begin(), digits.end(), std::back_inserter(bytes));
    } catch (const boost::algorithm::hex_decode_error&) {
        return {};
    }
    return bytes;
}

}  // namespace

PostgresqlLine::PostgresqlLine(const boost::asio::any_io_executor& executor, const std::string& connection, std::string channel,
                               std::chrono::milliseconds answer_within)
    : parameters_(read_parameters_of_bus(connection)),
      wanted_channel_(std::move(channel)),
      answer_within_(answer_within),
      socket_(executor) {}

PostgresqlLine::~PostgresqlLine() { close(); }

std::size_t PostgresqlLine::longest_packet() const noexcept { return longest_payload / 2; }

void PostgresqlLine::close() noexcept {
    if (socket_.is_open()) static_cast<void>(socket_.release());
    heard_.clear();
    connection_.reset();
}

async::task<void> PostgresqlLine::open() {
    co_await connect();
    async::task<void> beginning = begin_listening();
    co_await async::with_deadline(answer_within_, std::move(beginning));
}

async::task<void> PostgresqlLine::connect() {
    PostgresqlParameters parameters = parameters_;
    const std::chrono::seconds limit = parameters.connect_timeout().value_or(std::chrono::seconds(10));
    std::string reason;
    do {
        if (!reason.empty()) reason += "; ";
        close();
        connection_.reset(parameters.begin_connecting());
        bool is_silent = false;
        try {
            async::task<void> finishing = finish_connecting();
            co_await async::with_deadline(limit, std::move(finishing));
        } catch (const async::deadline_exceeded&) {
            is_silent = true;
        }
        if (!is_silent) {
            if (PQstatus(connection_.get()) == CONNECTION_OK && PQsetnonblocking(connection_.get(), 1) == 0) {
                farewell_.clear();
                PQsetNoticeReceiver(connection_.get(), &take_notice, this);
                socket_.assign(PQsocket(connection_.get()));
                co_return;
            }
            throw BusLost(reason + postgresql_reason(connection_.get()));
        }
        reason += postgresql_silence(connection_.get(), limit);
    } while (parameters.drop_silent_host(connection_.get()));
    throw BusLost(reason);
}

async::task<void> PostgresqlLine::finish_connecting() {
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (PQstatus(connection_.get()) != CONNECTION_BAD && wanted != PGRES_POLLING_OK) {
        const int socket = PQsocket(connection_.get());
        if (socket >= 0) {
            // Each time anew: libpq may have gone on to another.
            socket_.assign(socket);
            const Wait what = wanted == PGRES_POLLING_READING ? Wait::wait_read : Wait::wait_write;
            std::exception_ptr error;
            try {
                co_await socket_.async_wait(what, async::use_task);
            } catch (...) {
                error = std::current_exception();
            }
            static_cast<void>(socket_.release());
            if (error) std::rethrow_exception(error);
        }
        wanted = PQconnectPoll(connection_.get());
    }
}

async::task<void> PostgresqlLine::begin_listening() {
    channel_ = wanted_channel_;
    std::vector<std::string> none;
    if (channel_.empty()) {
        // The name of a schema may be as long as that of a channel.
        const Result named = co_await run(
            "SELECT CASE WHEN octet_length(name) <= 63 THEN name ELSE 'modapi_bus/' || md5(name) END "
            "FROM (SELECT 'modapi_bus/' || coalesce(current_schema(), '') AS name) AS named",
            none);
        channel_ = PQgetvalue(named.get(), 0, 0);
    }
    // By its name, since servers before version 14 don't have it.
    co_await run("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'", none);
    const std::unique_ptr<char, decltype(&PQfreemem)> quoted(
        PQescapeIdentifier(connection_.get(), channel_.data(), channel_.size()), &PQfreemem);
    if (quoted == nullptr) fail();
    std::string listen = std::string("LISTEN ") + quoted.get();
    co_await run(std::move(listen), none);
}

async::task<void> PostgresqlLine::send(std::vector<std::string> packets) {
    std::size_t sent = 0;
    do {
        std::vector<std::string> values;
        std::string sql = "SELECT";
        if (!packets.empty()) values.push_back(channel_);
        for (; sent < packets.size() && values.size() <= packets_at_once; ++sent) {
            values.push_back(hexadecimal(packets[sent]));
            sql += (values.size() == 2 ? " pg_notify($1, $" : ", pg_notify($1, $") + std::to_string(values.size()) + ")";
        }
        co_await run(std::move(sql), std::move(values));
    } while (sent < packets.size());
}

async::task<std::string> PostgresqlLine::receive() {
    while (true) {
        take_notifications();
        if (!heard_.empty()) break;
        co_await read_more();
    }
    std::string packet = std::move(heard_.front());
    heard_.pop_front();
    co_return packet;
}

void PostgresqlLine::take_notifications() {
    while (true) {
        const std::unique_ptr<PGnotify, Close> notification(PQnotifies(connection_.get()));
        if (notification == nullptr) return;
        if (notification->relname == channel_) heard_.push_back(bytes_of_hexadecimal(notification->extra));
    }
}

async::task<PostgresqlLine::Result> PostgresqlLine::run(std::string sql, std::vector<std::string> values) {
    PGconn* const connection = connection_.get();
    std::vector<const char*> texts;
    for (const std::string& value : values) texts.push_back(value.c_str());
    const int is_sent =
        PQsendQueryParams(connection, sql.c_str(), static_cast<int>(texts.size()), nullptr, texts.data(), nullptr, nullptr, 0);
    if (is_sent == 0) fail();
    int left = PQflush(connection);
    while (left > 0) {
        // Whoever listens reads meanwhile, so that the server isn't kept from reading.
        co_await socket_.async_wait(Wait::wait_write, async::use_task);
        left = PQflush(connection);
    }
    if (left < 0) fail();
    Result kept;
    while (true) {
        while (PQisBusy(connection) == 1) co_await read_more();
        Result result(PQgetResult(connection));
        if (result == nullptr) break;
        kept = std::move(result);
        const ExecStatusType status = PQresultStatus(kept.get());
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail();
    }
    if (kept == nullptr) fail();
    // What was read together with the result is looked at only now, while whoever listens waits for the socket to have more.
    take_notifications();
    if (!heard_.empty() && is_reading_) socket_.cancel();
    co_return kept;
}

async::task<void> PostgresqlLine::read_more() {
    if (is_reading_) {
        co_await has_read_.wait();
        co_return;
    }
    is_reading_ = true;
    std::exception_ptr error;
    try {
        co_await socket_.async_wait(Wait::wait_read, async::use_task);
    } catch (const boost::system::system_error& failure) {
        // Cut by `run`: there is something to look at.
        if (failure.code() != boost::asio::error::operation_aborted) error = std::current_exception();
    } catch (...) {
        error = std::current_exception();
    }
    is_reading_ = false;
    // Also when this one was cut: then another reads.
    has_read_.notify_all();
    if (error) std::rethrow_exception(error);
    if (PQconsumeInput(connection_.get()) == 0) fail();
}

void PostgresqlLine::take_notice(void* self, const PGresult* notice) {
    const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char* const message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    if (severity == nullptr || message == nullptr) return;
    if (severity == std::string_view("FATAL") || severity == std::string_view("PANIC")) {
        static_cast<PostgresqlLine*>(self)->farewell_ = message;
    } else {
        framework_log().warn("the PostgreSQL server says: {}", message);
    }
}

void PostgresqlLine::fail() const { throw BusLost(farewell_.empty() ? postgresql_reason(connection_.get()) : farewell_); }

}  // namespace modapi
