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
/// already is nothing to tell; a server before version 12 would round numbers. A process that stands still in the middle of a
/// transaction keeps its locks from all the others: after 5 s it has lost the connection, and they go on.
const Parameters usual_parameters = {{"client_encoding", "UTF8"},
                                     {"connect_timeout", "10"},
                                     {"fallback_application_name", "modapi"},
                                     {"options",
                                      "-c client_min_messages=warning -c extra_float_digits=3 "
                                      "-c idle_in_transaction_session_timeout=5000"}};

[[noreturn]] void fail_to_open(const std::string& reason) {
    throw DatabaseError("can't open the PostgreSQL database: " + reason);
}

Parameters read_parameters(const std::string& text, const std::string& own_options) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(text.c_str(), nullptr),
                                                                               &PQconninfoFree);
    // libpq's message quotes what doesn't parse, which might be a part of the password.
    if (options == nullptr) fail_to_open("the connection's parameters don't parse");
    Parameters parameters = usual_parameters;
    if (!own_options.empty()) parameters["options"] += " " + own_options;
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

}  // namespace

PostgresqlConnection::PostgresqlConnection(const std::string& parameters, Patience patience, const std::string& options)
    : parameters_(read_parameters(parameters, options)),
      connect_timeout_(connect_timeout_of(parameters_)),
      patience_(patience) {
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
        statements_ = PreparedStatements();
        later_.clear();
        PGconn* const connection = connection_.get();
        Deadline deadline;
        if (connect_timeout_) deadline = std::chrono::steady_clock::now() + *connect_timeout_;
        if (finish_connecting(deadline)) {
            const bool is_open = PQstatus(connection) == CONNECTION_OK;
            if (is_open && PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1) return std::nullopt;
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

}  // namespace modapi
