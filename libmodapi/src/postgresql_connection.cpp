#include "postgresql_connection.h"

#include "interaction.h"
#include "sql_placeholders.h"

#include <modapi/percent_encoding.h>

#include <soci/postgresql/soci-postgresql.h>

#include <libpq-fe.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <list>
#include <map>
#include <memory>

namespace modapi {

namespace {

/// What a connection has unless its parameters say otherwise. Texts are UTF-8 whatever the database stores; a server that can't
/// be reached is given up in time; that a table exists already is nothing to tell.
const std::map<std::string, std::string> usual_parameters = {{"client_encoding", "UTF8"},
                                                             {"connect_timeout", "10"},
                                                             {"fallback_application_name", "modapi"},
                                                             {"options", "-c client_min_messages=warning"}};

/// Warnings of the server, which libpq would write to stderr; without the lines that might quote values.
void log_notice(void*, const char* message) {
    const std::string_view text = message;
    spdlog::warn("the PostgreSQL server says: {}", text.substr(0, text.find('\n')));
}

/// The parameters as a URI: SOCI splits what it is given at every space, also at those within a password.
std::string address_of(const std::string& parameters) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(parameters.c_str(), nullptr),
                                                                               &PQconninfoFree);
    // libpq's message quotes what doesn't parse, which might be a part of the password.
    if (options == nullptr) throw DatabaseError("can't open the PostgreSQL database: the connection's parameters don't parse");
    std::map<std::string, std::string> given = usual_parameters;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) given.insert_or_assign(option->keyword, option->val);
    }
    std::string address = "postgresql://";
    char separator = '?';
    for (const auto& [key, value] : given) {
        address.append(1, separator).append(key).append("=").append(percent_encoded(value));
        separator = '&';
    }
    return address;
}

/// Not checked by UBSan's vptr: SOCI exports the class without its type information.
__attribute__((no_sanitize("vptr"))) PGconn* libpq_connection(soci::session& session) noexcept {
    auto* const backend = static_cast<soci::postgresql_session_backend*>(session.get_backend());
    return backend != nullptr ? backend->conn_ : nullptr;
}

std::string sqlstate_of(const soci::soci_error& error) {
    const auto* const server_error = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    return server_error != nullptr ? server_error->sqlstate() : std::string();
}

/// The first line of the server's message: the following ones (DETAIL) quote values. SOCI's own what() appends the bound
/// values, so it isn't used.
std::string message_without_values(const soci::soci_error& error, const std::string& state) {
    // A data exception quotes the value, in words that depend on the server's language.
    if (state.starts_with("22")) return "the server can't use one of the values (SQLSTATE " + state + ")";
    std::string message = error.get_error_message();
    message = message.substr(0, message.find('\n'));
    const std::size_t severity = message.find(":  ");
    return severity == std::string::npos ? message : message.substr(severity + 3);
}

SqlValue column(const soci::row& row, std::size_t index) {
    if (row.get_indicator(index) == soci::i_null) return SqlValue();
    switch (row.get_properties(index).get_data_type()) {
        case soci::dt_integer:
            return static_cast<std::int64_t>(row.get<int>(index));
        case soci::dt_long_long:
            return static_cast<std::int64_t>(row.get<long long>(index));
        case soci::dt_unsigned_long_long:
            return static_cast<std::int64_t>(row.get<unsigned long long>(index));
        case soci::dt_double:
            return row.get<double>(index);
        case soci::dt_string:
        case soci::dt_xml:
            return row.get<std::string>(index);
        default:
            break;
    }
    throw DatabaseError("column " + std::to_string(index + 1) +
                        " of the result has a type that can't be read; cast it to text");
}

}  // namespace

PostgresqlConnection::PostgresqlConnection(const std::string& parameters) : address_(address_of(parameters)) {
    try {
        open();
    } catch (const soci::soci_error& error) {
        throw DatabaseError("can't open the PostgreSQL database: " + statement_on_one_line(error.get_error_message()));
    }
}

void PostgresqlConnection::open() {
    session_.open(soci::postgresql, address_);
    PQsetNoticeProcessor(libpq_connection(session_), &log_notice, nullptr);
}

void PostgresqlConnection::connect_again() {
    try {
        session_.close();
        open();
    } catch (const soci::soci_error& error) {
        throw TransientDatabaseError("the connection to the PostgreSQL server is lost: " +
                                     statement_on_one_line(error.get_error_message()));
    }
}

bool PostgresqlConnection::is_lost() noexcept {
    PGconn* const connection = libpq_connection(session_);
    return connection == nullptr || PQstatus(connection) != CONNECTION_OK;
}

bool PostgresqlConnection::in_transaction() noexcept {
    PGconn* const connection = libpq_connection(session_);
    if (connection == nullptr) return false;
    const PGTransactionStatusType status = PQtransactionStatus(connection);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

void PostgresqlConnection::run_own(const std::string& sql) {
    try {
        session_.once << sql;
    } catch (const soci::soci_error& error) {
        fail(error, sql);
    }
}

std::int64_t PostgresqlConnection::run(std::string_view sql, std::vector<SqlValue>& values,
                                       std::vector<std::vector<SqlValue>>* rows) {
    const NamedPlaceholders named = name_placeholders(sql);
    if (named.count != values.size()) {
        throw DatabaseError("there are " + std::to_string(named.count) + " placeholders and " + std::to_string(values.size()) +
                            " values for: " + statement_on_one_line(sql));
    }
    if (named.sql.find_first_not_of(" \t\r\n;") == std::string::npos)
        throw DatabaseError("there is no statement in: " + statement_on_one_line(sql));
    try {
        return run_named(named.sql, values, rows);
    } catch (const soci::soci_error& error) {
        fail(error, sql);
    }
}

std::int64_t PostgresqlConnection::run_named(const std::string& sql, std::vector<SqlValue>& values,
                                             std::vector<std::vector<SqlValue>>* rows) {
    std::string no_text;
    soci::statement statement(session_);
    soci::row row;
    std::list<long long> numbers;  // where the bound integers are: SOCI wants a long long
    std::vector<soci::indicator> indicators(values.size(), soci::i_ok);
    for (std::size_t index = 0; index < values.size(); ++index) {
        const std::string name = "p" + std::to_string(index + 1);
        SqlValue& value = values[index];
        if (const auto* const number = std::get_if<std::int64_t>(&value)) {
            statement.exchange(soci::use(numbers.emplace_back(*number), indicators[index], name));
        } else if (auto* const fraction = std::get_if<double>(&value)) {
            statement.exchange(soci::use(*fraction, indicators[index], name));
        } else if (auto* const text = std::get_if<std::string>(&value)) {
            if (text->find('\0') != std::string::npos) throw DatabaseError("PostgreSQL has no texts with a NUL character");
            statement.exchange(soci::use(*text, indicators[index], name));
        } else {
            indicators[index] = soci::i_null;
            statement.exchange(soci::use(no_text, indicators[index], name));
        }
    }
    if (rows != nullptr) statement.exchange(soci::into(row));
    statement.alloc();
    statement.prepare(sql);
    statement.define_and_bind();
    statement.execute(rows == nullptr);
    if (rows == nullptr) return std::max<std::int64_t>(0, statement.get_affected_rows());
    while (statement.fetch()) {
        std::vector<SqlValue>& read = rows->emplace_back();
        read.reserve(row.size());
        for (std::size_t index = 0; index < row.size(); ++index) read.push_back(column(row, index));
    }
    return static_cast<std::int64_t>(rows->size());
}

void PostgresqlConnection::fail(const soci::soci_error& error, std::string_view sql) {
    const std::string state = sqlstate_of(error);
    const std::string message = message_without_values(error, state) + " in: " + statement_on_one_line(sql);
    if (is_lost() || state == "40001" || state == "40P01" || state == "55P03") throw TransientDatabaseError(message);
    if (state.starts_with("23")) throw ConstraintViolation(message);
    throw DatabaseError(message);
}

}  // namespace modapi
