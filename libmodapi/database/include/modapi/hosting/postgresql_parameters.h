#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

struct pg_conn;  // libpq's PGconn

namespace modapi {

/// How to connect to a PostgreSQL server through libpq. May hold a password: never logged.
///
/// Thread: one at a time.
class PostgresqlParameters {
public:
    using Values = std::map<std::string, std::string>;

    /// `text` is libpq's key=value form. What it doesn't say is as in `usual`, and what that doesn't say either is what all
    /// connections have: texts in UTF-8, numbers in full, ten seconds to connect, five for a transaction in which nothing is asked.
    /// `own_options` are the server's, `-c name=value`, added to the usual ones. Errors: DatabaseError, which quotes nothing.
    explicit PostgresqlParameters(const std::string& text, const Values& usual = {}, const std::string& own_options = {});

    /// How long a server may be silent while a connection is made; none: for ever.
    [[nodiscard]] const std::optional<std::chrono::seconds>& connect_timeout() const noexcept { return connect_timeout_; }
    /// Begins to connect, without waiting for the server; PQconnectPoll goes on. Only the resolver that turns a host's name
    /// into addresses may block. The connection, which is never null, is the caller's; what the server warns of is logged.
    [[nodiscard]] pg_conn* begin_connecting() const;
    /// libpq goes on to the next host of a list by itself after an error, but not after silence. Takes the hosts up to the one
    /// that `connection` is about out of the list; false if it is the last.
    [[nodiscard]] bool drop_silent_host(const pg_conn* connection);

private:
    Values values_;
    std::optional<std::chrono::seconds> connect_timeout_;
};

/// Why there is no connection, on one line; never the password.
[[nodiscard]] std::string postgresql_reason(const pg_conn* connection);
/// `no answer from HOST, port PORT, within N s`.
[[nodiscard]] std::string postgresql_silence(const pg_conn* connection, std::chrono::seconds limit);

}  // namespace modapi
