#include "sqlite_database.h"

#include "connection_pool.h"
#include "interaction.h"
#include "sqlite_connection.h"
#include "sqlite_file.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

namespace {

/// While it lives, the writer's thread stands still: another connection writes in its place. Given in the order in which it is
/// asked for, among all that write.
class WriterTurn {
public:
    /// Waits for it. Errors: InteractionTimeout for `sql`.
    WriterTurn(const boost::asio::any_io_executor& writer, const InteractionDeadline& deadline, std::string_view sql) {
        boost::asio::post(writer, [state = state_] {
            state->begun.release();
            state->ended.acquire();
        });
        if (state_->begun.try_acquire_until(deadline.at().value_or(never()))) return;
        state_->ended.release();
        deadline.refuse(sql);
    }
    ~WriterTurn() { state_->ended.release(); }
    WriterTurn(const WriterTurn&) = delete;
    WriterTurn& operator=(const WriterTurn&) = delete;

private:
    struct State {
        std::binary_semaphore begun{0};
        std::binary_semaphore ended{0};
    };
    [[nodiscard]] static std::chrono::steady_clock::time_point never() {
        return std::chrono::steady_clock::now() + std::chrono::hours(24);
    }
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

class SqliteTransaction : public Transaction {
public:
    enum class Begin : unsigned char { to_read, to_write, to_read_first };

    SqliteTransaction(SqliteConnection& connection, Begin how, const InteractionDeadline& deadline)
        : connection_(connection), deadline_(deadline), how_(how) {
        run_own(how == Begin::to_write ? "BEGIN IMMEDIATE" : "BEGIN");
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
        if (file != nullptr && how_ != Begin::to_read) file->require_unchanged();
        run_own("COMMIT");
    }
    [[nodiscard]] std::string_view engine() const noexcept override { return "sqlite3"; }

protected:
    std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows) override {
        begin_statement(sql);
        const SqliteConnection::Cut cut(connection_, deadline_);
        const std::int64_t changed = connection_.run(sql, values, rows, how_ == Begin::to_read);
        failed_ = false;
        return changed;
    }
    std::int64_t visit(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor,
                       std::vector<std::string>& columns) override {
        begin_statement(sql);
        const SqliteConnection::Cut cut(connection_, deadline_);
        const std::int64_t changed = connection_.visit(sql, values, visitor, how_ == Begin::to_read, columns);
        failed_ = false;
        return changed;
    }
    /// Before a statement of a transaction that reads first.
    virtual void begin_apart(std::string_view) {}

    [[nodiscard]] SqliteConnection& connection() const noexcept { return connection_; }
    [[nodiscard]] const InteractionDeadline& deadline() const noexcept { return deadline_; }

private:
    void begin_statement(std::string_view sql) {
        deadline_.require_time(sql);
        require_open(sql);
        failed_ = true;
        if (how_ == Begin::to_read_first) [[unlikely]]
            begin_apart(sql);
    }
    void run_own(std::string_view sql) { connection_.run(sql, {}, nullptr, false); }
    /// Some errors (a full disk) and a COMMIT of the function's own end the transaction; what follows must not run outside of
    /// one.
    void require_open(std::string_view sql) const {
        if (!connection_.in_transaction()) throw DatabaseError("the transaction has ended before: " + std::string(sql));
    }

    SqliteConnection& connection_;
    const InteractionDeadline& deadline_;
    Begin how_;
    bool failed_ = false;
};

/// The base of those that read until they write: its end comes after that of the transaction.
struct MayHaveTurn {
    std::optional<WriterTurn> turn;
};

/// Reads beside the writer, and takes its turn when it writes.
class ApartTransaction final : private MayHaveTurn, public SqliteTransaction {
public:
    ApartTransaction(SqliteConnection& connection, const InteractionDeadline& deadline, boost::asio::any_io_executor writer)
        : SqliteTransaction(connection, Begin::to_read_first, deadline), writer_(std::move(writer)) {}

    void keep_others_from_writing() override { take_turn("BEGIN"); }
    [[nodiscard]] bool keeps_others_from_writing() const noexcept override { return turn.has_value(); }

private:
    void begin_apart(std::string_view sql) override {
        if (!turn && connection().writes(sql)) take_turn(sql);
    }
    void take_turn(std::string_view sql) {
        if (!turn) turn.emplace(writer_, deadline(), sql);
    }

    boost::asio::any_io_executor writer_;
};

/// Of a database in memory: on its one connection, for which all wait.
class OnlyTransaction final : public SqliteTransaction {
public:
    using SqliteTransaction::SqliteTransaction;
    [[nodiscard]] bool keeps_others_from_writing() const noexcept override { return true; }
};

class SqliteDatabase final : public Database {
public:
    explicit SqliteDatabase(const DatabaseSettings& settings)
        : Database(settings.read_limit), settings_(settings), lock_(lock_of(settings)), writer_(1, settings.database, true) {
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
        if (is_apart(interaction.access)) [[unlikely]]
            return interact_apart(interaction);
        const Connections::Lease lease(connections(interaction.access));
        const InteractionDeadline deadline(interaction.limit);
        const auto attempt = [&] {
            const auto how =
                interaction.access == Access::read ? SqliteTransaction::Begin::to_read : SqliteTransaction::Begin::to_write;
            SqliteTransaction transaction(lease.connection(), how, deadline);
            run_to_commit(interaction, transaction);
        };
        with_retries(interaction.desc, attempt, [] {});
    }

private:
    using Connections = ConnectionPool<SqliteConnection>;

    [[nodiscard]] static bool is_apart(Access access) noexcept {
        return access == Access::write_apart || access == Access::read_apart;
    }
    Connections& connections(Access access) {
        if (is_apart(access)) [[unlikely]]
            return file_ ? apart() : writer_;
        return access == Access::read && readers_ != nullptr ? *readers_ : writer_;
    }
    Connections& apart() {
        std::call_once(apart_begins_, [this] {
            const Connections::Open open = [file = settings_.database] {
                return std::make_unique<SqliteConnection>(file, false);
            };
            apart_ = std::make_unique<Connections>(std::max<std::size_t>(1, settings_.apart_connections), open);
        });
        return *apart_;
    }

    void run_to_commit(const Interaction& interaction, SqliteTransaction& transaction) {
        run_function(interaction, transaction);
        transaction.commit(file_ ? &*file_ : nullptr);
        was_committed(transaction);
    }
    void interact_apart(const Interaction& interaction) {
        Connections::Lease lease(connections(interaction.access));
        const ForgetTemporary forgetting(lease, file_.has_value());
        const InteractionDeadline deadline(interaction.limit);
        const bool only_reads = interaction.access == Access::read_apart;
        const auto attempt = [&] {
            using Begin = SqliteTransaction::Begin;
            if (!file_) {
                OnlyTransaction transaction(lease.connection(), only_reads ? Begin::to_read : Begin::to_write, deadline);
                run_to_commit(interaction, transaction);
            } else if (only_reads) {
                SqliteTransaction transaction(lease.connection(), Begin::to_read, deadline);
                run_to_commit(interaction, transaction);
            } else {
                ApartTransaction transaction(lease.connection(), deadline, writer_.executor());
                run_to_commit(interaction, transaction);
            }
        };
        with_retries(interaction.desc, attempt, [] {});
    }
    /// At its end what only this connection has is gone: a table of this name would be there before everybody's.
    class ForgetTemporary {
    public:
        ForgetTemporary(Connections::Lease& lease, bool may_be_closed) noexcept
            : lease_(lease), may_be_closed_(may_be_closed) {}
        ~ForgetTemporary() {
            try {
                SqliteConnection& connection = lease_.connection();
                if (!connection.has_temporary()) return;
                may_be_closed_ ? lease_.close() : connection.drop_temporary();
            } catch (const std::exception& error) {
                framework_log().error("the temporary tables of a module stay: {}", error.what());
            }
        }
        ForgetTemporary(const ForgetTemporary&) = delete;
        ForgetTemporary& operator=(const ForgetTemporary&) = delete;

    private:
        Connections::Lease& lease_;
        bool may_be_closed_;
    };

    /// Makes the file, too, before SQLite does.
    [[nodiscard]] static std::unique_ptr<SqliteFileLock> lock_of(const DatabaseSettings& settings) {
        if (settings.database == in_memory_name) return nullptr;
        std::unique_ptr<SqliteFileLock> lock;
        if (settings.is_alone) lock = std::make_unique<SqliteFileLock>(settings.database);
        make_private_file(settings.database);
        return lock;
    }

    static constexpr const char* in_memory_name = ":memory:";
    DatabaseSettings settings_;
    std::unique_ptr<SqliteFileLock> lock_;  ///< if it is asked for; ends after the connections
    Connections writer_;
    std::unique_ptr<Connections> readers_;
    std::once_flag apart_begins_;
    std::unique_ptr<Connections> apart_;  ///< from the first interaction apart on
    std::optional<SqliteFileIdentity> file_;
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const DatabaseSettings& settings) { return std::make_unique<SqliteDatabase>(settings); }

}  // namespace modapi
