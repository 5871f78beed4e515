#include "sqlite_database.h"

#include "at_work.h"
#include "connection_pool.h"
#include "interaction.h"
#include "sqlite_connection.h"
#include "sqlite_file.h"
#include "sqlite_transaction.h"
#include "sqlite_writer.h"

#include <async/clock.h>
#include <async/run_on.h>

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace modapi {

namespace {

class SqliteDatabase final : public Database {
public:
    explicit SqliteDatabase(const DatabaseSettings& settings)
        : Database(settings.read_limit),
          lock_(lock_of(settings)),
          writer_(settings.database, file_, settings.shared_commit, async::real_clock()) {
        // A database in memory belongs to its connection: one connection for everything.
        const bool in_memory = settings.database == in_memory_name;
        if (!in_memory) file_.emplace(settings.database);
        if (!in_memory && settings.readers > 0)
            readers_ = std::make_unique<Connections>(settings.readers, settings.database, false);
    }
    [[nodiscard]] std::string_view engine() const noexcept override { return "sqlite3"; }

protected:
    [[nodiscard]] async::task<void> perform_elsewhere(const Interaction& interaction) override {
        if (interaction.access == Access::read) return Database::perform_elsewhere(interaction);
        return write(*this, interaction);
    }
    [[nodiscard]] boost::asio::any_io_executor executor(Access access) override { return connections(access).executor(); }
    void interact(const Interaction& interaction) override {
        using Kind = SqliteTransaction::Kind;
        const Connections::Lease lease(connections(interaction.access));
        const InteractionDeadline deadline(interaction.limit);
        const auto attempt = [&] {
            SqliteTransaction transaction(lease.connection(), interaction.access == Access::read ? Kind::reads : Kind::writes, deadline);
            run_function(interaction, transaction);
            transaction.commit(file_ ? &*file_ : nullptr);
            was_committed(transaction);
        };
        with_retries(interaction.desc, attempt, [] {});
    }

private:
    using Connections = ConnectionPool<SqliteConnection>;

    /// A task's wait for its interaction.
    class Write final : public SqliteWrite, public async::detail::handed_over {
    public:
        Write(SqliteDatabase& database, const Interaction& interaction) : database_(database), interaction_(interaction) {}

        void await_suspend(std::coroutine_handle<> waiting) {
            leave(waiting);
            database_.writer_.submit(*this);
        }
        void await_resume() {
            handed_over::await_resume();
            if (failure_) std::rethrow_exception(failure_);
        }

        [[nodiscard]] std::string_view desc() const noexcept override { return interaction_.desc; }
        [[nodiscard]] const InteractionLimit& limit() const noexcept override { return interaction_.limit; }
        [[nodiscard]] bool begin() override {
            if (!handed_over::begin()) return false;
            entry_.emplace(database_.at_work(), interaction_.desc);
            return true;
        }
        void run(Transaction& transaction) override {
            const at_work working(*this);
            database_.run_function(interaction_, transaction);
        }
        void was_committed(const Transaction& transaction) noexcept override { database_.was_committed(transaction); }
        void finish(std::exception_ptr failure) noexcept override {
            entry_.reset();
            failure_ = std::move(failure);
            handed_over::finish();
        }

    private:
        SqliteDatabase& database_;
        const Interaction& interaction_;
        std::optional<AtWork::Entry> entry_;
        std::exception_ptr failure_;
    };
    static async::task<void> write(SqliteDatabase& self, const Interaction& interaction) {
        Write write(self, interaction);
        co_await write;
    }

    Connections& connections(Access access) noexcept {
        return access == Access::read && readers_ != nullptr ? *readers_ : writer_.connections();
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
    std::optional<SqliteFileIdentity> file_;
    SqliteWriter writer_;
    std::unique_ptr<Connections> readers_;
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const DatabaseSettings& settings) { return std::make_unique<SqliteDatabase>(settings); }

}  // namespace modapi
