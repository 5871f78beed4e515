#include "postgresql_database.h"

#include "connection_pool.h"
#include "interaction.h"
#include "sql_placeholders.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <algorithm>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

namespace {

/// The first line of the server's message: the following ones (DETAIL) quote values. A data exception quotes one in the first,
/// behind the colon. SOCI's own what() appends the bound values, so it isn't used.
std::string message_without_values(const soci::soci_error& error, bool is_data_exception) {
    std::string message = error.get_error_message();
    message = message.substr(0, message.find('\n'));
    const std::size_t severity = message.find("ERROR:");
    if (severity != std::string::npos) message = message.substr(message.find_first_not_of(' ', severity + 6));
    if (is_data_exception) message = message.substr(0, message.find(": \""));
    return message;
}

[[noreturn]] void fail(const soci::soci_error& error, std::string_view sql) {
    std::string state;
    if (const auto* const server_error = dynamic_cast<const soci::postgresql_soci_error*>(&error))
        state = server_error->sqlstate();
    const std::string message = message_without_values(error, state.starts_with("22")) + " in: " + statement_on_one_line(sql);
    if (state == "40001" || state == "40P01") throw TransientDatabaseError(message);
    if (state.starts_with("23")) throw ConstraintViolation(message);
    if (state.starts_with("08") || state.starts_with("57P") ||
        error.get_error_category() == soci::soci_error::connection_error) {
        throw TransientDatabaseError(message);
    }
    throw DatabaseError(message);
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

/// One connection to a PostgreSQL server. Thread: one at a time.
class PostgresqlConnection {
public:
    explicit PostgresqlConnection(const std::string& parameters) {
        try {
            session_.open(soci::postgresql, parameters);
        } catch (const soci::soci_error& error) {
            std::string reason = statement_on_one_line(error.get_error_message());
            // What doesn't parse is quoted by libpq, and might be a part of the password.
            if (reason.find("connection info string") != std::string::npos) reason = "the connection's parameters don't parse";
            throw DatabaseError("can't open the PostgreSQL database: " + reason);
        }
    }

    void run_own(const std::string& sql) {
        try {
            session_.once << sql;
        } catch (const soci::soci_error& error) {
            fail(error, sql);
        }
    }

    std::int64_t run(std::string_view sql, std::vector<SqlValue>& values, std::vector<std::vector<SqlValue>>* rows) {
        const NamedPlaceholders named = name_placeholders(sql);
        if (named.count != values.size()) {
            throw DatabaseError("there are " + std::to_string(named.count) + " placeholders and " +
                                std::to_string(values.size()) + " values for: " + statement_on_one_line(sql));
        }
        try {
            return run_named(named, values, rows);
        } catch (const soci::soci_error& error) {
            fail(error, sql);
        }
    }

    /// After a lost connection; quiet, since the next transaction says what is wrong.
    void reconnect() noexcept {
        try {
            session_.reconnect();
        } catch (const soci::soci_error&) {  // NOLINT
        }
    }

private:
    std::int64_t run_named(const NamedPlaceholders& named, std::vector<SqlValue>& values,
                           std::vector<std::vector<SqlValue>>* rows) {
        static std::string no_text;
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
        statement.prepare(named.sql);
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

    soci::session session_;
};

class PostgresqlTransaction final : public Transaction {
public:
    PostgresqlTransaction(PostgresqlConnection& connection, bool read_only) : connection_(connection) {
        try {
            connection_.run_own(read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                          : "BEGIN ISOLATION LEVEL REPEATABLE READ");
        } catch (const TransientDatabaseError&) {
            connection_.reconnect();
            throw;
        }
    }
    ~PostgresqlTransaction() override {
        if (committed_) return;
        try {
            connection_.run_own("ROLLBACK");
        } catch (const DatabaseError&) {
            connection_.reconnect();
        }
    }
    void commit() {
        // The server would answer COMMIT with a rollback, and without an error.
        if (failed_) throw DatabaseError("the transaction can't be committed: one of its statements has failed");
        connection_.run_own("COMMIT");
        committed_ = true;
    }
    [[nodiscard]] std::string_view engine() const noexcept override { return "postgresql"; }

protected:
    std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows) override {
        failed_ = true;
        const std::int64_t changed = connection_.run(sql, values, rows);
        failed_ = false;
        return changed;
    }

private:
    PostgresqlConnection& connection_;
    bool failed_ = false;
    bool committed_ = false;
};

class PostgresqlDatabase final : public Database {
public:
    explicit PostgresqlDatabase(const DatabaseSettings& settings)
        : connections_(std::max<std::size_t>(1, settings.readers), settings.postgresql_connection) {}
    [[nodiscard]] std::string_view engine() const noexcept override { return "postgresql"; }

protected:
    [[nodiscard]] boost::asio::any_io_executor executor(bool) override { return connections_.executor(); }
    void interact(std::string_view desc, bool read_only, void (*function)(Transaction&, void*), void* state) override {
        const ConnectionPool<PostgresqlConnection>::Lease lease(connections_);
        with_retries(desc, [&] {
            PostgresqlTransaction transaction(lease.connection(), read_only);
            function(transaction, state);
            transaction.commit();
        });
    }

private:
    ConnectionPool<PostgresqlConnection> connections_;
};

}  // namespace

std::unique_ptr<Database> open_postgresql(const DatabaseSettings& settings) {
    return std::make_unique<PostgresqlDatabase>(settings);
}

}  // namespace modapi
