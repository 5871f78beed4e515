#pragma once

#include "interaction.h"

#include <modapi/database.h>

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace modapi {

/// One connection to an SQLite database, with its prepared statements.
///
/// SQLite knows the type of every value, whatever its column was declared as. Thread: one at a time.
class SqliteConnection {
public:
    /// Errors: DatabaseError that names the file.
    SqliteConnection(const std::string& file, bool is_writer);
    ~SqliteConnection();
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    /// What a statement may be. That of an interaction doesn't begin, end or roll back a whole transaction, nor the part of one
    /// that an interaction has.
    enum class Allowed : unsigned char { anything, in_an_interaction, in_one_that_reads };
    /// Runs one statement to its end. `rows` may be null. Returns the number of rows changed. Errors: DatabaseError; WriteRefused
    /// for one that writes and must not.
    std::int64_t run(std::string_view sql, const std::vector<SqlValue>& values, std::vector<std::vector<SqlValue>>* rows,
                     Allowed allowed);
    /// Likewise with the rows, one by one, for `visitor`, and the columns' names in `columns`. Errors: ResultTooLarge for a row
    /// that is too large, and what the visitor throws.
    std::int64_t visit(std::string_view sql, const std::vector<SqlValue>& values, RowVisitor& visitor, Allowed allowed,
                       std::vector<std::string>& columns);
    /// Whether it writes.
    [[nodiscard]] bool writes(std::string_view sql) { return sqlite3_stmt_readonly(prepared(sql).statement.get()) == 0; }
    /// Whether there are tables, views or triggers that only this connection has.
    [[nodiscard]] bool has_temporary();
    /// Drops them.
    void drop_temporary();
    /// While it lives, a statement ends with InteractionTimeout soon after the deadline. Without a limit it costs nothing.
    class Cut {
    public:
        Cut(SqliteConnection& connection, const InteractionDeadline& deadline) : connection_(connection) {
            if (deadline.limit()) connection_.set_deadline(&deadline);
        }
        ~Cut() { connection_.set_deadline(nullptr); }
        Cut(const Cut&) = delete;
        Cut& operator=(const Cut&) = delete;

    private:
        SqliteConnection& connection_;
    };
    [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(database_) == 0; }

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;
    struct Prepared {
        Statement statement;
        bool leads_transactions = false;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };

    void configure(bool is_writer);
    void set_deadline(const InteractionDeadline* deadline) noexcept;
    const Prepared& prepared(std::string_view sql);
    /// Runs one statement, whose rows `take` is given.
    template <class Take>
    std::int64_t step_through(std::string_view sql, const std::vector<SqlValue>& values, Allowed allowed, Take&& take);
    Prepared compile(std::string_view sql);
    static int authorize(void* self, int action, const char* first, const char* second, const char*, const char*) noexcept;
    [[noreturn]] void fail(std::string_view sql) const;
    [[noreturn]] void fail_to_open(const std::string& reason) const;

    std::string file_;
    sqlite3* database_ = nullptr;
    const InteractionDeadline* deadline_ = nullptr;
    std::size_t most_row_bytes_ = 0;  // 0: SQLite's own limit
    bool leads_transactions_ = false;  ///< of the statement that is being compiled
    std::unordered_map<std::string, Prepared, Hash, std::equal_to<>> statements_;
};

}  // namespace modapi
