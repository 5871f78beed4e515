#include <modapi/database.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/postgresql_parameters.h>

#include "sql_placeholders.h"

#include <libpq-fe.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <memory>
#include <new>
#include <system_error>
#include <vector>

namespace modapi {

namespace {

/// What a connection has unless its parameters say otherwise. Texts are UTF-8 whatever the database stores; that a table exists
/// already is nothing to tell; a server before version 12 would round numbers. A process that stands still in the middle of a
/// transaction keeps its locks from all the others: after 5 s it has lost the connection, and they go on.
const PostgresqlParameters::Values usual_parameters = {{"client_encoding", "UTF8"},
                                                       {"connect_timeout", "10"},
                                                       {"fallback_application_name", "modapi"},
                                                       {"options",
                                                        "-c client_min_messages=warning -c extra_float_digits=3 "
                                                        "-c idle_in_transaction_session_timeout=5000"}};

[[noreturn]] void refuse_parameters(const std::string& reason) {
    throw DatabaseError("can't open the PostgreSQL database: " + reason);
}

std::optional<std::chrono::seconds> read_connect_timeout(const std::string& text) {
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size())
        refuse_parameters("connect_timeout is not a number of seconds");
    if (seconds <= 0) return std::nullopt;
    return std::chrono::seconds(seconds);
}

/// Warnings of the server, which libpq would write to stderr; without the lines that might quote values.
void log_notice(void*, const char* message) {
    const std::string_view text = message;
    framework_log().warn("the PostgreSQL server says: {}", text.substr(0, text.find('\n')));
}

}  // namespace

PostgresqlParameters::PostgresqlParameters(const std::string& text, const Values& usual, const std::string& own_options)
    : values_(usual) {
    for (const auto& [key, value] : usual_parameters) values_.emplace(key, value);
    if (!own_options.empty()) values_["options"] += " " + own_options;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(text.c_str(), nullptr),
                                                                               &PQconninfoFree);
    // libpq's message quotes what doesn't parse, which might be a part of the password.
    if (options == nullptr) refuse_parameters("the connection's parameters don't parse");
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        std::string& value = values_[option->keyword];
        // Of two settings of one option the server takes the second.
        value = option->keyword == std::string_view("options") ? value + " " + option->val : option->val;
    }
    connect_timeout_ = read_connect_timeout(values_.at("connect_timeout"));
}

PGconn* PostgresqlParameters::begin_connecting() const {
    std::vector<const char*> keys;
    std::vector<const char*> values;
    for (const auto& [key, value] : values_) {
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

bool PostgresqlParameters::drop_silent_host(const PGconn* connection) {
    const std::string_view silent = PQhost(connection);
    const std::string& hosts = values_[values_.contains("host") ? "host" : "hostaddr"];
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
        const auto list = values_.find(key);
        if (list == values_.end()) continue;
        // One port may be that of all hosts.
        for (std::size_t index = 0; index < dropped && list->second.find(',') != std::string::npos; ++index) {
            list->second.erase(0, list->second.find(',') + 1);
        }
    }
    return true;
}

std::string postgresql_reason(const PGconn* connection) { return statement_on_one_line(PQerrorMessage(connection)); }

std::string postgresql_silence(const PGconn* connection, std::chrono::seconds limit) {
    std::string text = "no answer from ";
    text.append(PQhost(connection)).append(", port ").append(PQport(connection));
    return text + ", within " + std::to_string(limit.count()) + " s";
}

}  // namespace modapi
