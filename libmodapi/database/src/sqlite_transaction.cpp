#include "sqlite_transaction.h"

namespace modapi {

namespace {

void run_own(SqliteConnection& connection, std::string_view sql) { connection.run(sql, {}, nullptr, SqliteConnection::Allowed::anything); }

bool roll_back(SqliteConnection& connection, std::string_view sql) noexcept {
    if (!connection.in_transaction()) return true;
    try {
        run_own(connection, sql);
        return true;
    } catch (...) {  // NOLINT: SQLite rolls back by itself what it can't roll back on demand
        return false;
    }
}

std::string_view beginning_of(SqliteTransaction::Kind kind) {
    switch (kind) {
        case SqliteTransaction::Kind::reads:
        case SqliteTransaction::Kind::reads_first:
            return "BEGIN";
        case SqliteTransaction::Kind::writes:
            return "BEGIN IMMEDIATE";
        case SqliteTransaction::Kind::shares:
            break;
    }
    return "SAVEPOINT modapi_interaction";
}

}  // namespace

SqliteTransaction::SqliteTransaction(SqliteConnection& connection, Kind kind, const InteractionDeadline& deadline)
    : connection_(connection), deadline_(deadline), kind_(kind) {
    if (kind == Kind::reads) allowed_ = SqliteConnection::Allowed::in_one_that_reads;
    run_own(connection_, beginning_of(kind));
}

SqliteTransaction::~SqliteTransaction() {
    if (!is_open_) return;
    if (kind_ != Kind::shares) {
        roll_back(connection_, "ROLLBACK");
        return;
    }
    const bool is_undone =
        roll_back(connection_, "ROLLBACK TO modapi_interaction") && roll_back(connection_, "RELEASE modapi_interaction");
    // What others share with it is lost with it then, and done again.
    if (!is_undone) roll_back(connection_, "ROLLBACK");
}

void SqliteTransaction::commit(const SqliteFileIdentity* file) {
    require_whole(file);
    run_own(connection_, "COMMIT");
    is_open_ = false;
}

void SqliteTransaction::leave(const SqliteFileIdentity* file) {
    require_whole(file);
    if (kind_ == Kind::shares) run_own(connection_, "RELEASE modapi_interaction");
    is_open_ = false;
}

void SqliteTransaction::begin_shared(SqliteConnection& connection) { run_own(connection, "BEGIN IMMEDIATE"); }

void SqliteTransaction::commit_shared(SqliteConnection& connection) { run_own(connection, "COMMIT"); }

void SqliteTransaction::roll_back_shared(SqliteConnection& connection) noexcept { roll_back(connection, "ROLLBACK"); }

std::int64_t SqliteTransaction::run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows) {
    begin_statement(sql);
    const SqliteConnection::Cut cut(connection_, deadline_);
    const std::int64_t changed = connection_.run(sql, values, rows, allowed_);
    failed_ = false;
    return changed;
}

std::int64_t SqliteTransaction::visit(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor,
                                      std::vector<std::string>& columns) {
    begin_statement(sql);
    const SqliteConnection::Cut cut(connection_, deadline_);
    const std::int64_t changed = connection_.visit(sql, values, visitor, allowed_, columns);
    failed_ = false;
    return changed;
}

void SqliteTransaction::begin_statement(std::string_view sql) {
    deadline_.require_time(sql);
    require_open(sql);
    failed_ = true;
    if (kind_ == Kind::reads_first) [[unlikely]]
        begin_apart(sql);
}

void SqliteTransaction::require_whole(const SqliteFileIdentity* file) const {
    deadline_.require_time("COMMIT");
    require_open("COMMIT");
    // SQLite would take the rest; PostgreSQL doesn't, and a module must not notice on which of them it runs.
    if (failed_) throw DatabaseError("the transaction can't be committed: one of its statements has failed");
    if (file != nullptr && kind_ != Kind::reads) file->require_unchanged();
}

/// Some errors (a full disk) end the transaction; what follows must not run outside of one.
void SqliteTransaction::require_open(std::string_view sql) const {
    if (!connection_.in_transaction()) throw DatabaseError("the transaction has ended before: " + std::string(sql));
}

}  // namespace modapi
