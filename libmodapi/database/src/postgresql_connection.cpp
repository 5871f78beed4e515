#include "postgresql_connection.h"

#include <modapi/hosting/log.h>

#include "interaction.h"
#include "postgresql_values.h"
#include "sql_placeholders.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <new>
#include <system_error>

namespace modapi {

namespace {

using Parameters = std::map<std::string, std::string>;

/// What a connection has unless its parameters say otherwise. Texts are UTF-8 whatever the database stores; that a table exists
/// already is nothing to tell; a server before version 12 would round numbers.
const Parameters usual_parameters = {{"client_encoding", "UTF8"},
                                     {"connect_timeout", "10"},
                                     {"fallback_application_name", "modapi"},
                                     {"options", "-c client_min_messages=warning -c extra_float_digits=3"}};

[[noreturn]] void fail_to_open(const std::string& reason) {
    throw DatabaseError("can't open the PostgreSQL database: " + reason);
}

Parameters read_parameters(const std::string& text) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(text.c_str(), nullptr),
                                                                               &PQconninfoFree);
    // libpq's message quotes what doesn't parse, which might be a part of the password.
    if (options == nullptr) fail_to_open("the connection's parameters don't parse");
    Parameters parameters = usual_parameters;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        std::string& value = parameters[option->keyword];
        // Of two settings of one option the server takes the second.
        value = option->keyword == std::string_view("options") ? value + " " + option->val : option->val;
    }
    return parameters;
}

std::optional<std::chrono::seconds> connect_timeout_of(const Parameters& parameters) {
    const std::string& text = parameters.at("connect_timeout");
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) fail_to_open("connect_timeout is not a number of seconds");
    if (seconds <= 0) return std::nullopt;
    return std::chrono::seconds(seconds);
}

/// libpq goes on to the next host of a list by itself after an error, but not after silence. Takes the hosts up to the silent
/// one out of the list; false if it is the last.
bool drop_silent_host(Parameters& parameters, std::string_view silent) {
    const std::string& hosts = parameters[parameters.contains("host") ? "host" : "hostaddr"];
    std::size_t dropped = 1;
    std::string_view rest = hosts;
    while (rest.substr(0, rest.find(',')) != silent) {
        const std::size_t comma = rest.find(',');
        if (comma == std::string_view::npos) return false;
        rest.remove_prefix(comma + 1);
        ++dropped;
    }
    if (rest.size() == silent.size()) return false;
    for (const char* const key : {"host", "hostaddr", "port"}) {
        const auto list = parameters.find(key);
        if (list == parameters.end()) continue;
        // One port may be that of all hosts.
        for (std::size_t index = 0; index < dropped && list->second.find(',') != std::string::npos; ++index) {
            list->second.erase(0, list->second.find(',') + 1);
        }
    }
    return true;
}

/// Warnings of the server, which libpq would write to stderr; without the lines that might quote values.
void log_notice(void*, const char* message) {
    const std::string_view text = message;
    framework_log().warn("the PostgreSQL server says: {}", text.substr(0, text.find('\n')));
}

PGconn* begin_connecting(const Parameters& parameters) {
    std::vector<const char*> keys;
    std::vector<const char*> values;
    for (const auto& [key, value] : parameters) {
        keys.push_back(key.c_str());
        values.push_back(value.c_str());
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    PGconn* const connection = PQconnectStartParams(keys.data(), values.data(), 0);
    if (connection == nullptr) throw std::bad_alloc();
    PQsetNoticeProcessor(connection, &log_notice, nullptr);
    return connection;
}

bool is_error(const PGresult* result) noexcept { return PQresultStatus(result) == PGRES_FATAL_ERROR; }

bool is_copy(const PGresult* result) noexcept {
    const ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

}  // namespace

PostgresqlConnection::PostgresqlConnection(const std::string& parameters)
    : parameters_(read_parameters(parameters)), connect_timeout_(connect_timeout_of(parameters_)) {
    if (const auto reason = connect()) fail_to_open(*reason);
}

void PostgresqlConnection::connect_again() {
    if (const auto reason = connect())
        throw TransientDatabaseError("the connection to the PostgreSQL server is lost: " + *reason);
}

std::optional<std::string> PostgresqlConnection::connect() {
    Parameters parameters = parameters_;
    std::string reason;
    do {
        if (!reason.empty()) reason += "; ";
        connection_.reset();  // the server need not have room for both
        connection_.reset(begin_connecting(parameters));
        PGconn* const connection = connection_.get();
        Deadline deadline;
        if (connect_timeout_) deadline = std::chrono::steady_clock::now() + *connect_timeout_;
        if (finish_connecting(deadline)) {
            if (PQstatus(connection) == CONNECTION_OK && PQsetnonblocking(connection, 1) == 0) return std::nullopt;
            return statement_on_one_line(reason + PQerrorMessage(connection));
        }
        reason.append("no answer from ").append(PQhost(connection)).append(", port ").append(PQport(connection));
        reason.append(", within ").append(std::to_string(connect_timeout_->count())).append(" s");
    } while (drop_silent_host(parameters, PQhost(connection_.get())));
    return reason;
}

bool PostgresqlConnection::finish_connecting(Deadline deadline) {
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (PQstatus(connection_.get()) != CONNECTION_BAD && wanted != PGRES_POLLING_OK) {
        if (!wait_for_server(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) return false;
        wanted = PQconnectPoll(connection_.get());
    }
    return true;
}

bool PostgresqlConnection::wait_for_server(short events, Deadline deadline) const {
    pollfd socket = {PQsocket(connection_.get()), events, 0};
    // libpq says what became of it.
    if (socket.fd < 0) return true;
    while (true) {
        int milliseconds = -1;
        if (deadline) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
            if (left <= 0) return false;
            milliseconds = static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max()));
        }
        const int ready = poll(&socket, 1, milliseconds);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "waiting for PostgreSQL");
    }
}

bool PostgresqlConnection::is_lost() const noexcept {
    return PQstatus(connection_.get()) != CONNECTION_OK || PQtransactionStatus(connection_.get()) == PQTRANS_ACTIVE;
}

bool PostgresqlConnection::in_transaction() const noexcept {
    const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

PostgresqlConnection::Result PostgresqlConnection::execute(const std::string& sql, const std::vector<const char*>& values) {
    PGconn* const connection = connection_.get();
    const int count = static_cast<int>(values.size());
    if (PQsendQueryParams(connection, sql.c_str(), count, nullptr, values.data(), nullptr, nullptr, 0) == 0) {
        return Result(PQmakeEmptyPGresult(connection, PGRES_FATAL_ERROR));
    }
    return take_result();
}

PostgresqlConnection::Result PostgresqlConnection::take_result() {
    PGconn* const connection = connection_.get();
    // What the server says meanwhile must be read, or it might not take the rest of a long statement.
    while (PQflush(connection) > 0) receive(POLLIN | POLLOUT);
    Result outcome;
    do {
        while (PQisBusy(connection) != 0 && receive(POLLIN)) {
        }
        // After a loss it is the loss.
        Result next(PQgetResult(connection));
        if (next == nullptr) break;
        // What comes after an error is the loss that it announced.
        if (outcome == nullptr || !is_error(outcome.get())) outcome = std::move(next);
    } while (!is_copy(outcome.get()));  // a COPY is given again and again
    take_notifications();
    return outcome;
}

bool PostgresqlConnection::receive(short events) {
    constexpr Deadline none;
    static_cast<void>(wait_for_server(events, none));
    return PQconsumeInput(connection_.get()) != 0;
}

void PostgresqlConnection::take_notifications() {
    struct Free {
        void operator()(PGnotify* notification) const noexcept { PQfreemem(notification); }
    };
    while (const auto notification = std::unique_ptr<PGnotify, Free>(PQnotifies(connection_.get()))) {
        framework_log().warn("a notification of the PostgreSQL server on the channel {} is dropped: nobody here listens",
                             notification->relname);
    }
}

void PostgresqlConnection::run_together(const std::string& statements) {
    PGconn* const connection = connection_.get();
    Result result;
    if (PQsendQuery(connection, statements.c_str()) != 0) {
        result = take_result();
    } else {
        result.reset(PQmakeEmptyPGresult(connection, PGRES_FATAL_ERROR));
    }
    if (is_error(result.get())) fail(result.get(), statements);
}

std::int64_t PostgresqlConnection::run(std::string_view sql, const std::vector<SqlValue>& values,
                                       std::vector<std::vector<SqlValue>>* rows) {
    const NumberedPlaceholders numbered = number_placeholders(sql);
    if (numbered.count != values.size()) {
        throw DatabaseError("there are " + std::to_string(numbered.count) + " placeholders and " +
                            std::to_string(values.size()) + " values for: " + statement_on_one_line(sql));
    }
    refuse_nul(numbered.sql);
    const PostgresqlTexts texts(values);
    const Result result = execute(numbered.sql, texts.pointers());
    if (is_copy(result.get())) throw DatabaseError("COPY isn't possible here: " + statement_on_one_line(sql));
    if (PQresultStatus(result.get()) == PGRES_EMPTY_QUERY) {
        throw DatabaseError("there is no statement in: " + statement_on_one_line(sql));
    }
    if (is_error(result.get())) fail(result.get(), sql);
    if (rows == nullptr) {
        // Empty where a statement doesn't count.
        const std::string_view changed = PQcmdTuples(result.get());
        std::int64_t count = 0;
        std::from_chars(changed.data(), changed.data() + changed.size(), count);
        return count;
    }
    const int width = PQnfields(result.get());
    const int height = PQntuples(result.get());
    rows->reserve(static_cast<std::size_t>(height));
    for (int row = 0; row < height; ++row) {
        std::vector<SqlValue>& read = rows->emplace_back();
        read.reserve(static_cast<std::size_t>(width));
        for (int index = 0; index < width; ++index) read.push_back(read_postgresql_value(result.get(), row, index));
    }
    return height;
}

void PostgresqlConnection::fail(const PGresult* result, std::string_view sql) const {
    const auto field = [&](int which) -> std::string_view {
        const char* const text = PQresultErrorField(result, which);
        return text != nullptr ? text : "";
    };
    const std::string_view state = field(PG_DIAG_SQLSTATE);
    // Without one the error is libpq's own.
    std::string_view reason = state.empty() ? PQresultErrorMessage(result) : field(PG_DIAG_MESSAGE_PRIMARY);
    reason = reason.substr(0, reason.find('\n'));
    std::string message(reason);
    // A data exception quotes the value, in words that depend on the server's language.
    if (state.starts_with("22")) message = "the server can't use one of the values (SQLSTATE " + std::string(state) + ")";
    message.append(" in: ").append(statement_on_one_line(sql));
    if (is_lost() || state == "40001" || state == "40P01" || state == "55P03") throw TransientDatabaseError(message);
    if (state == "57014") throw CutStatement(message);
    if (state == "25006") throw WriteRefused(message);
    if (state.starts_with("23")) throw ConstraintViolation(message);
    throw DatabaseError(message);
}

}  // namespace modapi
