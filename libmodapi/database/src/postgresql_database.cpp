#include "postgresql_database.h"

#include "connection_pool.h"
#include "interaction.h"
#include "postgresql_connection.h"
#include "postgresql_values.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace modapi {

namespace {

/// A server that restarts is back after a while: the time before the first try again; it doubles with each.
constexpr auto first_wait_for_server = std::chrono::milliseconds(50);
/// Tries that follow each other at once can all lose against one transaction that is about to end: the time before whoever lost
/// a second time tries again; it doubles with each.
constexpr auto first_wait_for_others = std::chrono::milliseconds(2);

class PostgresqlTransaction final : public Transaction {
public:
    PostgresqlTransaction(PostgresqlConnection& connection, bool read_only, const InteractionDeadline& deadline)
        : connection_(connection), deadline_(deadline) {
        if (connection_.is_lost()) connection_.connect_again();
        // Writers get what the one writer of SQLite has: each sees a world in which the others are done or haven't begun.
        connection_.run_later(
            read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN ISOLATION LEVEL SERIALIZABLE", {});
        // The server itself cuts what waits or computes for longer.
        if (!deadline_.limit()) return;
        const std::int64_t milliseconds = std::max<std::int64_t>(1, deadline_.limit()->count());
        connection_.run_later("SET LOCAL statement_timeout = " + std::to_string(milliseconds), {});
    }
    ~PostgresqlTransaction() override {
        connection_.drop_waiting();
        if (!connection_.in_transaction()) return;
        try {
            connection_.run("ROLLBACK", {}, nullptr);
        } catch (const DatabaseError&) {  // NOLINT: a lost connection, and with it the transaction; the next one connects anew
        }
    }
    /// For the first statement: LOCK takes no snapshot, so that the one that follows has all that was committed under the lock
    /// before. The end of the transaction, or of the connection, releases it after the commit can be seen.
    void take_turn(const std::string& table) {
        connection_.run_later("LOCK TABLE \"" + table + "\" IN SHARE ROW EXCLUSIVE MODE", {});
    }
    void commit() {
        deadline_.require_time("COMMIT");
        require_open("COMMIT");
        // The server would answer COMMIT with a rollback, and without an error.
        if (failed_) throw DatabaseError("the transaction can't be committed: one of its statements has failed");
        try {
            connection_.run("COMMIT", {}, nullptr);
        } catch (const CutStatement&) {
            if (deadline_.limit()) deadline_.refuse("COMMIT");
            throw;
        } catch (const IdleTransactionEnded&) {
            throw;
        } catch (const TransientDatabaseError& error) {
            if (!connection_.is_lost()) throw;
            // Done again it might be done twice.
            throw DatabaseError(std::string("whether the transaction was committed is unknown: ") + error.what());
        }
    }
    [[nodiscard]] std::string_view engine() const noexcept override { return "postgresql"; }

protected:
    std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows,
                     std::vector<std::string>* columns) override {
        deadline_.require_time(sql);
        require_open(sql);
        failed_ = true;
        try {
            const std::int64_t changed = connection_.run(sql, values, rows, columns);
            failed_ = false;
            return changed;
        } catch (const CutStatement&) {
            if (deadline_.limit()) deadline_.refuse(sql);
            throw;
        }
    }

    void run_later(std::string_view sql, std::vector<SqlValue> values) override {
        require_open(sql);
        connection_.run_later(sql, std::move(values));
    }

    [[nodiscard]] std::string text_of(SqlBytes bytes) const override { return text_of_bytes(bytes); }

private:
    /// A COMMIT of the function's own ends the transaction; what follows must not run outside of one.
    void require_open(std::string_view sql) const {
        if (connection_.is_lost()) throw TransientDatabaseError("the connection was lost before: " + std::string(sql));
        if (!connection_.in_transaction()) throw DatabaseError("the transaction has ended before: " + std::string(sql));
    }

    PostgresqlConnection& connection_;
    const InteractionDeadline& deadline_;
    bool failed_ = false;
};

class PostgresqlDatabase final : public Database {
public:
    explicit PostgresqlDatabase(const DatabaseSettings& settings)
        : Database(settings.read_limit),
          turn_table_(settings.turn_table),
          connections_(std::max<std::size_t>(1, settings.postgresql_connections), settings.postgresql_connection,
                       PostgresqlConnection::Patience(), settings.postgresql_options),
          in_turn_(connections_.executor()) {}
    [[nodiscard]] std::string_view engine() const noexcept override { return "postgresql"; }

protected:
    [[nodiscard]] boost::asio::any_io_executor executor(Access access) override {
        if (access == Access::write_in_turn) return in_turn_;
        return connections_.executor();
    }
    void interact(const Interaction& interaction) override {
        const Access access = interaction.access;
        const ConnectionPool<PostgresqlConnection>::Lease lease(connections_);
        PostgresqlConnection& connection = lease.connection();
        const InteractionDeadline deadline(interaction.limit);
        std::unique_lock<std::mutex> turn(turnstile_, std::defer_lock);
        if (access != Access::read) {
            turn.lock();
            turn.unlock();
        }
        std::chrono::milliseconds wait_for_server = first_wait_for_server;
        std::chrono::milliseconds wait_for_others = first_wait_for_others;
        const auto before_retry = [&] {
            if (connection.is_lost()) {
                std::this_thread::sleep_for(wait_for_server);
                wait_for_server *= 2;
            } else if (!turn.owns_lock()) {
                turn.lock();
            } else {
                std::this_thread::sleep_for(wait_for_others);
                wait_for_others *= 2;
            }
        };
        const auto attempt = [&] {
            PostgresqlTransaction transaction(connection, access == Access::read, deadline);
            if (access == Access::write_in_turn && !turn_table_.empty()) transaction.take_turn(turn_table_);
            run_function(interaction, transaction);
            transaction.commit();
            was_committed(transaction);
        };
        with_retries(interaction.desc, attempt, before_retry);
    }

private:
    std::string turn_table_;
    /// Whoever lost against another transaction holds it until it is through. Those that come pass it first, so that it
    /// competes only with those that have begun, however many come.
    std::mutex turnstile_;
    ConnectionPool<PostgresqlConnection> connections_;           // whose end waits for what uses the rest
    boost::asio::strand<boost::asio::any_io_executor> in_turn_;  ///< those that wait are in its queue, on no thread
};

}  // namespace

std::unique_ptr<Database> open_postgresql(const DatabaseSettings& settings) {
    return std::make_unique<PostgresqlDatabase>(settings);
}

}  // namespace modapi
