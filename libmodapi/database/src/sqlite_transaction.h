#pragma once

#include "interaction.h"
#include "sqlite_connection.h"
#include "sqlite_file.h"

#include <modapi/database.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// What an interaction sees of SQLite: a transaction, or its part of one that several share.
///
/// Lifetime: connection and deadline outlive it. Thread: one at a time. What isn't ended by `commit` or `leave` is rolled back.
class SqliteTransaction : public Transaction {
public:
    enum class Kind : unsigned char {
        reads,
        writes,       ///< alone
        shares,       ///< with others, in a savepoint of the transaction that `begin_shared` has begun
        reads_first,  ///< and may write later
    };

    SqliteTransaction(SqliteConnection& connection, Kind kind, const InteractionDeadline& deadline);
    ~SqliteTransaction() override;

    /// `file` is null for a database in memory. Errors: DatabaseError if one of its statements has failed, or the file is
    /// another one by now.
    void commit(const SqliteFileIdentity* file);
    /// Nothing more is to come; whoever leads the transaction commits it, with `commit_shared`. Errors: those of `commit`.
    void leave(const SqliteFileIdentity* file);
    /// Begins what several may share, as one that writes. Errors: TransientDatabaseError where another program writes.
    static void begin_shared(SqliteConnection& connection);
    /// Commits what all have left. Errors: DatabaseError; then nothing of it is there.
    static void commit_shared(SqliteConnection& connection);
    static void roll_back_shared(SqliteConnection& connection) noexcept;

    [[nodiscard]] std::string_view engine() const noexcept override { return "sqlite3"; }

protected:
    std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows) override;
    std::int64_t visit(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor,
                       std::vector<std::string>& columns) override;
    /// Before a statement of a transaction that reads first.
    virtual void begin_apart(std::string_view) {}

    [[nodiscard]] SqliteConnection& connection() const noexcept { return connection_; }
    [[nodiscard]] const InteractionDeadline& deadline() const noexcept { return deadline_; }

private:
    void begin_statement(std::string_view sql);
    void require_whole(const SqliteFileIdentity* file) const;
    void require_open(std::string_view sql) const;

    SqliteConnection& connection_;
    const InteractionDeadline& deadline_;
    Kind kind_;
    SqliteConnection::Allowed allowed_ = SqliteConnection::Allowed::in_an_interaction;
    bool is_open_ = true;
    bool failed_ = false;
};

}  // namespace modapi
