#include "postgresql_database.h"

#include "connection_pool.h"
#include "interaction.h"
#include "known_reads.h"
#include "postgresql_connection.h"
#include "postgresql_values.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
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
    /// What may be made of the statements.
    enum class Statements : unsigned char {
        of_this_program,
        asked_at_once,    ///< the first message has all of them, and ends the transaction, which only reads
        of_somebody_else  ///< apart from those of the program
    };

    PostgresqlTransaction(PostgresqlConnection& connection, bool read_only, const InteractionDeadline& deadline,
                          Statements statements = Statements::of_this_program)
        : connection_(connection),
          deadline_(deadline),
          is_apart_(statements == Statements::of_somebody_else),
          read_only_(read_only),
          ends_with_first_(statements == Statements::asked_at_once) {
        connection_.settle();
        if (connection_.is_lost()) connection_.connect_again();
        // Writers get what the one writer of SQLite has: each sees a world in which the others are done or haven't begun.
        connection_.run_later(
            read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN ISOLATION LEVEL SERIALIZABLE", {});
        // The server itself cuts what waits or computes for longer.
        if (deadline_.limit() && !is_apart_) limit_statement(*deadline_.limit());
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
        if (has_ended_too_early_) require_going_on("COMMIT");
        if (!has_ended_) require_open("COMMIT");
        // The server would answer COMMIT with a rollback, and without an error.
        if (failed_) throw DatabaseError("the transaction can't be committed: one of its statements has failed");
        if (has_ended_) return;
        if (read_only_ && !is_apart_ && !has_waiting_) return connection_.leave_transaction();
        ++messages_;
        try {
            // What only read may have called a function all the same.
            connection_.run(is_apart_ && read_only_ ? "ROLLBACK" : "COMMIT", {}, nullptr);
        } catch (const CutStatement& error) {
            if (deadline_.limit()) deadline_.refuse(error.sql());
            throw;
        } catch (const IdleTransactionEnded&) {
            throw;
        } catch (const TransientDatabaseError& error) {
            if (read_only_ || !connection_.is_lost()) throw;
            // Done again it might be done twice.
            throw DatabaseError(std::string("whether the transaction was committed is unknown: ") + error.what());
        }
    }
    [[nodiscard]] std::string_view engine() const noexcept override { return "postgresql"; }

    /// How many messages it took to ask.
    [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
    /// More was asked for than at once: what the function did without it is worth nothing, whatever it made of the error.
    [[nodiscard]] bool has_ended_too_early() const noexcept { return has_ended_too_early_; }

protected:
    std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows) override {
        return in_time(sql, [&] { return connection_.run(sql, values, rows); });
    }
    std::int64_t visit(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor,
                       std::vector<std::string>& columns) override {
        ends_with_first_ = false;
        return in_time(sql, [&] { return connection_.visit(sql, values, visitor, columns); });
    }

    void run_later(std::string_view sql, std::vector<SqlValue> values, std::shared_ptr<detail::LaterResult> result) override {
        // What is apart may wait for somebody before its next statement, and has its time limit until then.
        if (is_apart_) return Transaction::run_later(sql, std::move(values), std::move(result));
        require_going_on(sql);
        require_open(sql);
        const bool had_failed = std::exchange(failed_, true);
        connection_.run_later(sql, std::move(values), std::move(result));
        failed_ = had_failed;
        has_waiting_ = true;
    }
    void run_waiting(std::string_view sql) override {
        if (!connection_.has_waiting()) return;
        in_time(sql, [&] {
            connection_.run_waiting();
            return 0;
        });
    }

    [[nodiscard]] std::string text_of(SqlBytes bytes) const override { return text_of_bytes(bytes); }

private:
    template <class Statement>
    std::int64_t in_time(std::string_view sql, const Statement& statement) {
        deadline_.require_time(sql);
        require_going_on(sql);
        require_open(sql);
        if (is_apart_ && !failed_ && deadline_.at()) [[unlikely]]
            limit_next();
        failed_ = true;
        ++messages_;
        connection_.end_with_next(ends_with_first_);
        try {
            const std::int64_t changed = statement();
            note_end();
            failed_ = false;
            has_waiting_ = false;
            return changed;
        } catch (const CutStatement& error) {
            if (deadline_.limit()) deadline_.refuse(error.sql());
            throw;
        } catch (...) {
            note_end();  // what the server gave can't be used here, and it has ended the transaction all the same
            throw;
        }
    }
    void note_end() noexcept { has_ended_ = ends_with_first_ && !connection_.is_lost() && !connection_.in_transaction(); }
    void limit_statement(std::chrono::milliseconds limit) {
        const std::int64_t milliseconds = std::max<std::int64_t>(1, limit.count());
        connection_.run_later("SET LOCAL statement_timeout = " + std::to_string(milliseconds), {});
    }
    /// Each time: the statement before may have been one that sets it. In steps, so that the texts are few.
    void limit_next() {
        constexpr std::int64_t steps = 16;
        const std::int64_t step = std::max<std::int64_t>(1, deadline_.limit()->count() / steps);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_.at() - std::chrono::steady_clock::now());
        limit_statement(std::chrono::milliseconds((left.count() / step + 1) * step));
    }
    void require_going_on(std::string_view sql) {
        if (!has_ended_) return;
        has_ended_too_early_ = true;
        throw DatabaseError("the transaction has ended with its first statements before: " + std::string(sql));
    }
    /// A COMMIT of the function's own ends the transaction; what follows must not run outside of one.
    void require_open(std::string_view sql) const {
        if (connection_.is_lost()) throw TransientDatabaseError("the connection was lost before: " + std::string(sql));
        if (!connection_.in_transaction()) throw DatabaseError("the transaction has ended before: " + std::string(sql));
    }

    PostgresqlConnection& connection_;
    const InteractionDeadline& deadline_;
    bool is_apart_;
    bool read_only_;
    bool ends_with_first_;
    bool failed_ = false;
    bool has_waiting_ = false;  // of the function's own, whose errors the next statement says
    bool has_ended_ = false;
    bool has_ended_too_early_ = false;
    std::size_t messages_ = 0;
};

class PostgresqlDatabase final : public Database {
public:
    explicit PostgresqlDatabase(const DatabaseSettings& settings)
        : Database(settings.read_limit),
          settings_(settings),
          connections_(std::max<std::size_t>(1, settings.postgresql_connections), settings.postgresql_connection,
                       PostgresqlConnection::Patience(), settings.postgresql_options),
          in_turn_(connections_.executor()) {}
    [[nodiscard]] std::string_view engine() const noexcept override { return "postgresql"; }

protected:
    [[nodiscard]] boost::asio::any_io_executor executor(Access access) override {
        if (access == Access::write_in_turn) return in_turn_;
        if (is_apart(access)) [[unlikely]]
            return apart().executor();
        return connections_.executor();
    }
    void interact(const Interaction& interaction) override {
        const Access access = interaction.access;
        if (is_apart(access)) [[unlikely]]
            return interact_apart(interaction);
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
            if (access == Access::read) return read(interaction, connection, deadline);
            PostgresqlTransaction transaction(connection, false, deadline);
            if (access == Access::write_in_turn && !settings_.turn_table.empty()) transaction.take_turn(settings_.turn_table);
            carry_out(interaction, transaction);
        };
        with_retries(interaction.desc, attempt, before_retry);
    }

private:
    using Connections = ConnectionPool<PostgresqlConnection>;
    using Statements = PostgresqlTransaction::Statements;

    void carry_out(const Interaction& interaction, PostgresqlTransaction& transaction) {
        run_function(interaction, transaction);
        transaction.commit();
        was_committed(transaction);
    }
    void read(const Interaction& interaction, PostgresqlConnection& connection, const InteractionDeadline& deadline) {
        const bool is_known = known_reads_.asks_once(interaction.desc);
        if (is_known && read_at_once(interaction, connection, deadline)) return;
        if (is_known) known_reads_.was_wrong(interaction.desc);
        PostgresqlTransaction transaction(connection, true, deadline);
        carry_out(interaction, transaction);
        // What the first try has left in memory isn't asked for again, and says nothing of the next one.
        if (!is_known) known_reads_.learn(interaction.desc, transaction.messages());
    }
    /// False: it asked for more, and is to be run again.
    bool read_at_once(const Interaction& interaction, PostgresqlConnection& connection, const InteractionDeadline& deadline) {
        PostgresqlTransaction transaction(connection, true, deadline, Statements::asked_at_once);
        try {
            carry_out(interaction, transaction);
            return true;
        } catch (...) {
            if (!transaction.has_ended_too_early()) throw;
            return false;
        }
    }

    [[nodiscard]] static bool is_apart(Access access) noexcept {
        return access == Access::write_apart || access == Access::read_apart;
    }
    Connections& apart() {
        std::call_once(apart_begins_, [this] {
            const Connections::Open open = [this] {
                try {
                    return std::make_unique<PostgresqlConnection>(
                        settings_.postgresql_connection, PostgresqlConnection::Patience(), settings_.postgresql_options);
                } catch (const DatabaseError& error) {
                    throw TransientDatabaseError(error.what());  // as of a connection that is lost: the server is back soon
                }
            };
            apart_ = std::make_unique<Connections>(std::max<std::size_t>(1, settings_.apart_connections), open);
        });
        return *apart_;
    }
    /// Who collides is run again by whoever asked, if at all.
    void interact_apart(const Interaction& interaction) {
        std::optional<Connections::Lease> lease;
        const auto forget = [](std::optional<Connections::Lease>* used) {
            if (*used) (*used)->connection().forget_session();
        };
        const std::unique_ptr<std::optional<Connections::Lease>, decltype(forget)> forgetting(&lease, forget);
        const InteractionDeadline deadline(interaction.limit);
        const auto attempt = [&] {
            if (!lease) lease.emplace(apart());
            PostgresqlTransaction transaction(lease->connection(), interaction.access == Access::read_apart, deadline,
                                              Statements::of_somebody_else);
            carry_out(interaction, transaction);
        };
        std::chrono::milliseconds wait_for_server = first_wait_for_server;
        const auto before_retry = [&] {
            if (lease && !lease->connection().is_lost()) return;
            std::this_thread::sleep_for(wait_for_server);
            wait_for_server *= 2;
        };
        with_retries(interaction.desc, attempt, before_retry);
    }

    DatabaseSettings settings_;
    KnownReads known_reads_;
    /// Whoever lost against another transaction holds it until it is through. Those that come pass it first, so that it
    /// competes only with those that have begun, however many come.
    std::mutex turnstile_;
    ConnectionPool<PostgresqlConnection> connections_;  // whose end waits for what uses the rest
    std::once_flag apart_begins_;
    std::unique_ptr<Connections> apart_;                         ///< from the first interaction apart on
    boost::asio::strand<boost::asio::any_io_executor> in_turn_;  ///< those that wait are in its queue, on no thread
};

}  // namespace

std::unique_ptr<Database> open_postgresql(const DatabaseSettings& settings) {
    return std::make_unique<PostgresqlDatabase>(settings);
}

}  // namespace modapi
