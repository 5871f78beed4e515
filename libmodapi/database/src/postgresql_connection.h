#pragma once

#include <modapi/database.h>

#include <soci/soci.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// One connection to a PostgreSQL server. Thread: one at a time.
class PostgresqlConnection {
public:
    /// `parameters` is libpq's key=value form. Errors: DatabaseError with the server's reason, never the password.
    explicit PostgresqlConnection(const std::string& parameters);
    PostgresqlConnection(const PostgresqlConnection&) = delete;
    PostgresqlConnection& operator=(const PostgresqlConnection&) = delete;

    /// Runs one statement; see Transaction::run.
    std::int64_t run(std::string_view sql, std::vector<SqlValue>& values, std::vector<std::vector<SqlValue>>* rows);
    /// The same for a statement without values or rows.
    void run_own(const std::string& sql);

    [[nodiscard]] bool in_transaction() noexcept;
    [[nodiscard]] bool is_lost() noexcept;
    /// After a loss. Errors: TransientDatabaseError, the server may be back the next time.
    void connect_again();

private:
    void open();
    std::int64_t run_named(const std::string& sql, std::vector<SqlValue>& values, std::vector<std::vector<SqlValue>>* rows);
    [[noreturn]] void fail(const soci::soci_error& error, std::string_view sql);

    std::string address_;
    soci::session session_;
};

}  // namespace modapi
