#include "sqlite_connection.h"

#include "sql_placeholders.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace modapi {

namespace {

constexpr int busy_timeout_ms = 5000;
/// Statements are few and constant; somebody who builds texts with numbers in them must not fill the memory.
constexpr std::size_t most_statements = 512;
/// Of SQLite's virtual machine, between two looks at the clock: well below a millisecond.
constexpr int instructions_between_looks = 10'000;

/// Of the part that an interaction has of a shared transaction.
constexpr const char* savepoint_name = "modapi_interaction";

/// Leaves a statement as it was found, whatever happens while it runs.
class Execution {
public:
    explicit Execution(sqlite3_stmt* statement) noexcept : statement_(statement) {}
    ~Execution() {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }
    Execution(const Execution&) = delete;
    Execution& operator=(const Execution&) = delete;

private:
    sqlite3_stmt* statement_;
};

/// The values outlive the execution, so texts and bytes are bound in place.
int bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
    if (const auto* const number = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *number);
    if (const auto* const number = std::get_if<double>(&value)) return sqlite3_bind_double(statement, index, *number);
    if (const auto* const text = std::get_if<std::string>(&value)) {
        return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    if (const auto* const truth = std::get_if<bool>(&value)) return sqlite3_bind_int64(statement, index, *truth ? 1 : 0);
    if (const auto* const bytes = std::get_if<SqlBytes>(&value)) {
        const std::string& content = bytes->content();  // whose data() is never null, which would be NULL
        return sqlite3_bind_blob64(statement, index, content.data(), content.size(), SQLITE_STATIC);
    }
    return sqlite3_bind_null(statement, index);
}

SqlValue column(sqlite3_stmt* statement, int index) {
    const int type = sqlite3_column_type(statement, index);
    if (type == SQLITE_INTEGER) return static_cast<std::int64_t>(sqlite3_column_int64(statement, index));
    if (type == SQLITE_FLOAT) return sqlite3_column_double(statement, index);
    if (type == SQLITE_NULL) return SqlValue();
    // Of a text too: in this order its size is that in UTF-8.
    const void* const data = sqlite3_column_blob(statement, index);
    const int size = sqlite3_column_bytes(statement, index);
    std::string content;
    if (size != 0) content.assign(static_cast<const char*>(data), static_cast<std::size_t>(size));
    if (type == SQLITE_BLOB) return SqlBytes(std::move(content));
    return content;
}

void read_row(sqlite3_stmt* statement, std::vector<SqlValue>& row) {
    const int width = sqlite3_column_count(statement);
    row.reserve(static_cast<std::size_t>(width));
    for (int index = 0; index < width; ++index) row.push_back(column(statement, index));
}

/// While it lives, no text, no bytes and no row of the connection's are larger.
class RowLimit {
public:
    RowLimit(sqlite3* database, std::size_t& known, std::size_t most_bytes) : database_(database), known_(known) {
        const auto most = static_cast<int>(std::min<std::size_t>(most_bytes, std::numeric_limits<int>::max()));
        before_ = sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, most);
        known_ = most_bytes;
    }
    ~RowLimit() {
        sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, before_);
        known_ = 0;
    }
    RowLimit(const RowLimit&) = delete;
    RowLimit& operator=(const RowLimit&) = delete;

private:
    sqlite3* database_;
    std::size_t& known_;
    int before_ = 0;
};

}  // namespace

SqliteConnection::SqliteConnection(const std::string& file, bool is_writer) : file_(file) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    try {
        if (sqlite3_open_v2(file.c_str(), &database_, flags, nullptr) != SQLITE_OK) {
            std::string reason = database_ != nullptr ? sqlite3_errmsg(database_) : "out of memory";
            const int system_error = database_ != nullptr ? sqlite3_system_errno(database_) : 0;
            if (system_error != 0) reason += std::string(" (") + std::strerror(system_error) + ")";
            fail_to_open(reason);
        }
        configure(is_writer);
    } catch (...) {
        statements_.clear();
        sqlite3_close_v2(database_);
        throw;
    }
}

SqliteConnection::~SqliteConnection() {
    statements_.clear();
    sqlite3_close_v2(database_);
}

int SqliteConnection::authorize(void* self, int action, const char*, const char* second, const char*, const char*) noexcept {
    // Of a savepoint, the second text is its name.
    const bool is_own_savepoint = action == SQLITE_SAVEPOINT && second != nullptr && ::sqlite3_stricmp(second, savepoint_name) == 0;
    if (action == SQLITE_TRANSACTION || is_own_savepoint) static_cast<SqliteConnection*>(self)->leads_transactions_ = true;
    return SQLITE_OK;
}

void SqliteConnection::configure(bool is_writer) {
    sqlite3_set_authorizer(database_, &authorize, this);
    sqlite3_busy_timeout(database_, busy_timeout_ms);
    // "text" in double quotes is an identifier, as in PostgreSQL.
    sqlite3_db_config(database_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    const auto setting = [this](const char* sql) -> std::string {
        std::vector<std::vector<SqlValue>> rows;
        run(sql, {}, &rows, Allowed::anything);
        const auto* const text =
            rows.empty() || rows.front().empty() ? nullptr : std::get_if<std::string>(&rows.front().front());
        return text != nullptr ? *text : std::string();
    };
    try {
        if (is_writer) {
            if (sqlite3_db_readonly(database_, "main") == 1) fail_to_open("the file is not writable");
            const std::string mode = setting("PRAGMA journal_mode = WAL");
            if (mode != "wal" && mode != "memory") fail_to_open("write-ahead logging isn't possible there");
            run("BEGIN IMMEDIATE", {}, nullptr, Allowed::anything);
            run("COMMIT", {}, nullptr, Allowed::anything);
        }
        // A commit waits until the disk has it, 0.2 ms on a virtual one. NORMAL wouldn't wait: after a kill of the process all
        // is there too, but after a power cut the last commits, which somebody was told of, are gone.
        run("PRAGMA synchronous = FULL", {}, nullptr, Allowed::anything);
        run("PRAGMA foreign_keys = ON", {}, nullptr, Allowed::anything);
    } catch (const TransientDatabaseError&) {
        fail_to_open("another program holds its lock");
    } catch (const DatabaseError&) {
        if (sqlite3_errcode(database_) == SQLITE_OK) throw;
        fail_to_open(sqlite3_errmsg(database_));
    }
    statements_.clear();
}

void SqliteConnection::set_deadline(const InteractionDeadline* deadline) noexcept {
    if (deadline_ == deadline) return;
    deadline_ = deadline;
    const auto is_over = [](void* given) -> int {
        return static_cast<const InteractionDeadline*>(given)->has_passed() ? 1 : 0;
    };
    // SQLite gives the pointer back as it got it.
    void* const state = const_cast<InteractionDeadline*>(deadline);  // NOLINT
    sqlite3_progress_handler(database_, deadline != nullptr ? instructions_between_looks : 0,
                             deadline != nullptr ? +is_over : nullptr, state);
}

void SqliteConnection::fail_to_open(const std::string& reason) const {
    throw DatabaseError("can't open the database " + file_ + ": " + reason);
}

void SqliteConnection::fail(std::string_view sql) const {
    const int code = sqlite3_errcode(database_) & 0xff;
    if (code == SQLITE_INTERRUPT && deadline_ != nullptr) deadline_->refuse(sql);
    std::string message = sqlite3_errmsg(database_);
    message.append(" in: ").append(statement_on_one_line(sql));
    if (code == SQLITE_TOOBIG && most_row_bytes_ != 0)
        throw ResultTooLarge("a value or a row has more than " + std::to_string(most_row_bytes_) +
                             " bytes: select less of it: " + statement_on_one_line(sql));
    if (code == SQLITE_CONSTRAINT) throw ConstraintViolation(message);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) throw TransientDatabaseError(message);
    throw DatabaseError(message);
}

SqliteConnection::Prepared SqliteConnection::compile(std::string_view sql) {
    leads_transactions_ = false;
    sqlite3_stmt* compiled = nullptr;
    const char* rest = nullptr;
    const int result =
        sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &compiled, &rest);
    Statement statement(compiled);
    if (result != SQLITE_OK) fail(sql);
    if (statement == nullptr) throw DatabaseError("there is no statement in: " + statement_on_one_line(sql));
    const std::string_view tail = sql.substr(static_cast<std::size_t>(rest - sql.data()));
    if (tail.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
        // Only a comment may follow; a second statement would silently not be run.
        sqlite3_stmt* second = nullptr;
        const int following = sqlite3_prepare_v3(database_, tail.data(), static_cast<int>(tail.size()), 0, &second, nullptr);
        const Statement owned(second);
        if (following != SQLITE_OK || owned != nullptr) {
            throw DatabaseError("more than one statement in: " + statement_on_one_line(sql));
        }
    }
    Prepared prepared;
    prepared.statement = std::move(statement);
    prepared.leads_transactions = leads_transactions_;
    return prepared;
}

const SqliteConnection::Prepared& SqliteConnection::prepared(std::string_view sql) {
    const auto known = statements_.find(sql);
    if (known != statements_.end()) return known->second;
    if (statements_.size() >= most_statements) statements_.clear();
    Prepared compiled = compile(sql);
    return statements_.emplace(std::string(sql), std::move(compiled)).first->second;
}

template <class Take>
std::int64_t SqliteConnection::step_through(std::string_view sql, const std::vector<SqlValue>& values, Allowed allowed, Take&& take) {
    const Prepared& found = prepared(sql);
    sqlite3_stmt* const statement = found.statement.get();
    if (found.leads_transactions && allowed != Allowed::anything) {
        throw DatabaseError("a transaction ends with its function, not by a statement: " + statement_on_one_line(sql));
    }
    if (allowed == Allowed::in_one_that_reads && sqlite3_stmt_readonly(statement) == 0) {
        throw WriteRefused("a statement that writes, in an interaction that only reads: " + statement_on_one_line(sql));
    }
    const int placeholders = sqlite3_bind_parameter_count(statement);
    if (static_cast<std::size_t>(placeholders) != values.size()) {
        throw DatabaseError("there are " + std::to_string(placeholders) + " placeholders and " + std::to_string(values.size()) +
                            " values for: " + statement_on_one_line(sql));
    }
    const Execution execution(statement);
    for (int index = 0; index < placeholders; ++index) {
        if (bind(statement, index + 1, values[static_cast<std::size_t>(index)]) != SQLITE_OK) fail(sql);
    }
    const std::int64_t changes_before = sqlite3_total_changes64(database_);
    int result = SQLITE_ROW;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) take(statement);
    if (result != SQLITE_DONE) fail(sql);
    // What SQLite calls the number of changes stays that of an earlier statement if this one changed nothing.
    return sqlite3_total_changes64(database_) == changes_before ? 0 : sqlite3_changes64(database_);
}

std::int64_t SqliteConnection::run(std::string_view sql, const std::vector<SqlValue>& values,
                                   std::vector<std::vector<SqlValue>>* rows, Allowed allowed) {
    const auto take = [rows](sqlite3_stmt* statement) {
        if (rows != nullptr) read_row(statement, rows->emplace_back());
    };
    return step_through(sql, values, allowed, take);
}

std::int64_t SqliteConnection::visit(std::string_view sql, const std::vector<SqlValue>& values, RowVisitor& visitor,
                                     Allowed allowed, std::vector<std::string>& columns) {
    sqlite3_stmt* const statement = prepared(sql).statement.get();
    const RowLimit limit(database_, most_row_bytes_, visitor.most_row_bytes());
    // Once it runs: with a table that was changed since it was prepared, they are others.
    const auto name_columns = [&] {
        if (!columns.empty()) return;
        for (int index = 0; index < sqlite3_column_count(statement); ++index)
            columns.emplace_back(sqlite3_column_name(statement, index));
    };
    const std::int64_t changed = step_through(sql, values, allowed, [&](sqlite3_stmt* at) {
        name_columns();
        std::vector<SqlValue> row;
        read_row(at, row);
        visitor.row(columns, std::move(row));
    });
    name_columns();
    return changed;
}

bool SqliteConnection::has_temporary() {
    std::vector<std::vector<SqlValue>> rows;
    run("SELECT 1 FROM sqlite_temp_master LIMIT 1", {}, &rows, Allowed::in_one_that_reads);
    return !rows.empty();
}

void SqliteConnection::drop_temporary() {
    std::vector<std::vector<SqlValue>> rows;
    // Triggers and views before the tables that they are about.
    run("SELECT type, name FROM sqlite_temp_master WHERE type IN ('trigger', 'view', 'table') AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\' "
        "ORDER BY type DESC",
        {}, &rows, Allowed::in_one_that_reads);
    for (const std::vector<SqlValue>& row : rows) {
        std::string name;
        for (const char letter : std::get<std::string>(row.at(1))) name.append(letter == '"' ? 2 : 1, letter);
        run("DROP " + std::get<std::string>(row.at(0)) + " IF EXISTS temp.\"" + name + "\"", {}, nullptr, Allowed::anything);
    }
}

}  // namespace modapi
