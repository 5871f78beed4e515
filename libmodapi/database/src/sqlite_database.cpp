#include "sqlite_database.h"

#include "connection_pool.h"
#include "interaction.h"
#include "sqlite_connection.h"
#include "sqlite_file.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

namespace {

class SqliteTransaction final : public Transaction {
public:
    SqliteTransaction(SqliteConnection& connection, bool read_only, const InteractionDeadline& deadline)
        : connection_(connection), deadline_(deadline), read_only_(read_only) {
        run_own(read_only ? "BEGIN" : "BEGIN IMMEDIATE");
    }
    ~SqliteTransaction() override {
        if (!connection_.in_transaction()) return;
        try {
            run_own("ROLLBACK");
        } catch (const DatabaseError&) {  // NOLINT: SQLite rolls back by itself what it can't roll back on demand
        }
    }
    /// `file` is null for a database in memory.
    void commit(const SqliteFileIdentity* file) {
        deadline_.require_time("COMMIT");
        require_open("COMMIT");
        // SQLite would take the rest; PostgreSQL doesn't, and a module must not notice on which of them it runs.
        if (failed_) throw DatabaseError("the transaction can't be committed: one of its statements has failed");
        if (file != nullptr && !read_only_) file->require_unchanged();
        run_own("COMMIT");
    }
    [[nodiscard]] std::string_view engine() const noexcept override { return "sqlite3"; }

protected:
    std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows,
                     std::vector<std::string>* columns) override {
        deadline_.require_time(sql);
        require_open(sql);
        failed_ = true;
        const SqliteConnection::Cut cut(connection_, deadline_);
        const std::int64_t changed = connection_.run(sql, values, rows, read_only_, columns);
        failed_ = false;
        return changed;
    }

private:
    void run_own(std::string_view sql) { connection_.run(sql, {}, nullptr, false); }
    /// Some errors (a full disk) and a COMMIT of the function's own end the transaction; what follows must not run outside of
    /// one.
    void require_open(std::string_view sql) const {
        if (!connection_.in_transaction()) throw DatabaseError("the transaction has ended before: " + std::string(sql));
    }

    SqliteConnection& connection_;
    const InteractionDeadline& deadline_;
    bool read_only_;
    bool failed_ = false;
};

class SqliteDatabase final : public Database {
public:
    explicit SqliteDatabase(const DatabaseSettings& settings)
        : Database(settings.read_limit),
          lock_(lock_of(settings)),
          writer_(1, settings.database, true) {
        // A database in memory belongs to its connection: one connection for everything.
        const bool in_memory = settings.database == in_memory_name;
        if (!in_memory) file_.emplace(settings.database);
        if (!in_memory && settings.readers > 0)
            readers_ = std::make_unique<Connections>(settings.readers, settings.database, false);
    }
    [[nodiscard]] std::string_view engine() const noexcept override { return "sqlite3"; }

protected:
    [[nodiscard]] boost::asio::any_io_executor executor(Access access) override { return connections(access).executor(); }
    void interact(const Interaction& interaction) override {
        const ConnectionPool<SqliteConnection>::Lease lease(connections(interaction.access));
        const InteractionDeadline deadline(interaction.limit);
        const auto attempt = [&] {
            SqliteTransaction transaction(lease.connection(), interaction.access == Access::read, deadline);
            run_function(interaction, transaction);
            transaction.commit(file_ ? &*file_ : nullptr);
            was_committed(transaction);
        };
        with_retries(interaction.desc, attempt, [] {});
    }

private:
    using Connections = ConnectionPool<SqliteConnection>;

    Connections& connections(Access access) noexcept {
        return access == Access::read && readers_ != nullptr ? *readers_ : writer_;
    }

    /// Makes the file, too, before SQLite does.
    [[nodiscard]] static std::unique_ptr<SqliteFileLock> lock_of(const DatabaseSettings& settings) {
        if (settings.database == in_memory_name) return nullptr;
        std::unique_ptr<SqliteFileLock> lock;
        if (settings.is_alone) lock = std::make_unique<SqliteFileLock>(settings.database);
        make_private_file(settings.database);
        return lock;
    }

    static constexpr const char* in_memory_name = ":memory:";
    std::unique_ptr<SqliteFileLock> lock_;  ///< if it is asked for; ends after the connections
    Connections writer_;
    std::unique_ptr<Connections> readers_;
    std::optional<SqliteFileIdentity> file_;
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const DatabaseSettings& settings) { return std::make_unique<SqliteDatabase>(settings); }

}  // namespace modapi
