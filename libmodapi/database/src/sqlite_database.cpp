#include "sqlite_database.h"

#include "at_work.h"
#include "connection_pool.h"
#include "interaction.h"
#include "sqlite_apart_transaction.h"
#include "sqlite_connection.h"
#include "sqlite_file.h"
#include "sqlite_transaction.h"
#include "sqlite_writer.h"

#include <async/clock.h>
#include <async/run_on.h>

#include <algorithm>
#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>
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
          settings_(settings),
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
        const bool is_of_the_writer = interaction.access == Access::write || interaction.access == Access::write_in_turn;
        if (!is_of_the_writer) return Database::perform_elsewhere(interaction);
        return write(*this, interaction);
    }
    [[nodiscard]] boost::asio::any_io_executor executor(Access access) override { return connections(access).executor(); }
    void interact(const Interaction& interaction) override {
        if (is_apart(interaction.access)) [[unlikely]]
            return interact_apart(interaction);
        using Kind = SqliteTransaction::Kind;
        const Connections::Lease lease(connections(interaction.access));
        const InteractionDeadline deadline(interaction.limit);
        const auto attempt = [&] {
            SqliteTransaction transaction(lease.connection(), interaction.access == Access::read ? Kind::reads : Kind::writes, deadline);
            run_to_commit(interaction, transaction);
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

    [[nodiscard]] static bool is_apart(Access access) noexcept {
        return access == Access::write_apart || access == Access::read_apart;
    }
    Connections& connections(Access access) {
        if (is_apart(access)) [[unlikely]]
            return file_ ? apart() : writer_.connections();
        return access == Access::read && readers_ != nullptr ? *readers_ : writer_.connections();
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
            using Kind = SqliteTransaction::Kind;
            if (!file_) {
                OnlyTransaction transaction(lease.connection(), only_reads ? Kind::reads : Kind::writes, deadline);
                run_to_commit(interaction, transaction);
            } else if (only_reads) {
                SqliteTransaction transaction(lease.connection(), Kind::reads, deadline);
                run_to_commit(interaction, transaction);
            } else {
                ApartTransaction transaction(lease.connection(), deadline, writer_.connections().executor());
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
    std::optional<SqliteFileIdentity> file_;
    SqliteWriter writer_;
    std::unique_ptr<Connections> readers_;
    std::once_flag apart_begins_;
    std::unique_ptr<Connections> apart_;  ///< from the first interaction apart on; its end needs the writer
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const DatabaseSettings& settings) {
    // Its account of its memory, which nobody reads, takes a lock of the whole process for every allocation. It can't be ended
    // where somebody of this process has used SQLite before; who uses it beside this has no heap limit of SQLite's then.
    static const int ended = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    static_cast<void>(ended);
    return std::make_unique<SqliteDatabase>(settings);
}

}  // namespace modapi
