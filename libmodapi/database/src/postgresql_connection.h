#pragma once

#include <modapi/database.h>
#include <modapi/hosting/postgresql_parameters.h>

#include "prepared_statements.h"

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// The server ended a statement before it was through, as its statement_timeout asks.
class CutStatement : public DatabaseError {
public:
    CutStatement(const std::string& message, std::string_view sql) : DatabaseError(message), sql_(sql) {}
    /// Which one: others may have travelled with it.
    [[nodiscard]] const std::string& sql() const noexcept { return sql_; }

private:
    std::string sql_;
};

/// One connection to a PostgreSQL server, through libpq.
///
/// Every function may block its thread until the server has answered: that is what the threads of a ConnectionPool are for. All
/// of that waiting is in `wait_for_server`, on libpq's non-blocking interface. Connecting has a time limit, `connect_timeout`
/// seconds (10 unless the parameters say otherwise, 0 for none) for each host that says nothing; only the resolver that turns a
/// host's name into addresses isn't held to it. A statement has that of the transaction's statement_timeout, if there is one,
/// and the connection's own patience. Thread: one at a time.
class PostgresqlConnection {
public:
    /// After a silence of this length in an answer the connection is given up as lost; none: it is waited for.
    using Patience = std::optional<std::chrono::milliseconds>;

    /// `parameters` is libpq's key=value form. Errors: DatabaseError with the reason, never the password.
    /// `options`: more of libpq's, before those of the parameters.
    explicit PostgresqlConnection(const std::string& parameters, Patience patience = std::nullopt,
                                  const std::string& options = {});

    /// Runs one statement; see Transaction::run. Errors: ConstraintViolation; TransientDatabaseError for a serialization
    /// failure, a deadlock, a lock that is held by another, a lost connection; CutStatement; DatabaseError. None quotes a
    /// value.
    std::int64_t run(std::string_view sql, const std::vector<SqlValue>& values, std::vector<std::vector<SqlValue>>* rows);
    /// Likewise with the rows, each as it comes, for `visitor`, and the columns' names in `columns`. Errors: also
    /// ResultTooLarge for a row that is too large, and what the visitor throws: the server is told to stop then.
    std::int64_t visit(std::string_view sql, const std::vector<SqlValue>& values, RowVisitor& visitor,
                       std::vector<std::string>& columns);

    /// Runs one statement just before the next one, in one message with it, or not at all if there is none. `result` gets its
    /// rows, unless it is null. Errors: those of `check` at once, those of `run` by the next one.
    void run_later(std::string_view sql, std::vector<SqlValue> values, std::shared_ptr<detail::LaterResult> result = nullptr);
    /// Runs what waits for the next statement. Errors: those of `run`.
    void run_waiting();
    [[nodiscard]] bool has_waiting() const noexcept { return !later_.empty(); }
    /// What waits for the next statement isn't run.
    void drop_waiting() noexcept {
        later_.clear();
        ends_with_next_ = false;
    }

    /// Whether the next statement, of `run` or `run_waiting`, is the last of a transaction that only reads: its end goes with
    /// it.
    void end_with_next(bool ends) noexcept { ends_with_next_ = ends; }
    /// Has the server end a transaction that only read, whose end can't fail, and waits for no answer: `settle` takes that.
    void leave_transaction();
    /// To be called before a transaction is begun, whatever the one before was. What became of its end, `is_lost` says.
    void settle();

    /// Outside of a transaction: nothing that was done to the session is there any more. A connection that can't forget is
    /// lost.
    void forget_session() noexcept;

    /// Or will be with the next statement.
    [[nodiscard]] bool in_transaction() const noexcept;
    /// Also when a statement was left before its end, of which nothing but closing the connection leads out.
    [[nodiscard]] bool is_lost() const noexcept;
    /// After a loss. Errors: TransientDatabaseError, the server may be back the next time.
    void connect_again();

private:
    using Deadline = std::optional<std::chrono::steady_clock::time_point>;
    struct Close {
        void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
        void operator()(PGresult* result) const noexcept { PQclear(result); }
    };
    using Result = std::unique_ptr<PGresult, Close>;

    /// Gives the reason if there is no connection afterwards.
    [[nodiscard]] std::optional<std::string> connect();
    /// False if the deadline has passed before there was a connection or an error.
    [[nodiscard]] bool finish_connecting(Deadline deadline);
    /// The only place where a thread waits. False if the deadline has passed before one of poll(2)'s `events`.
    [[nodiscard]] bool wait_for_server(short events, Deadline deadline) const;
    /// A statement that goes to the server with the next one.
    struct Waiting {
        std::string sql;
        std::vector<SqlValue> values;
        std::shared_ptr<detail::LaterResult> wanted;  ///< null: nobody wants its rows
        Result result{};                              ///< if somebody does
    };
    /// One of the commands whose answers come in their order.
    struct Sent {
        std::string_view sql;
        bool is_preparation = false;
        Waiting* waiting = nullptr;  ///< who wants what it gives; null: nobody but for the last one
    };
    struct Answer {
        Result result;       ///< the first error, or what the last command gave; null: the connection is lost
        std::size_t to = 0;  ///< the command that failed; behind them all if none did
    };

    /// Errors: DatabaseError for another number of values than of placeholders, and for a NUL character.
    void check(std::string_view sql, const std::vector<SqlValue>& values);
    /// Gives libpq a statement, behind its preparation if that is worth it. What it doesn't take is lost with the connection.
    void send(std::string_view sql, const std::vector<SqlValue>& values, std::vector<Sent>& sent, Waiting* waiting = nullptr);
    class Visit;

    /// Sends what waits, and this statement, and reads all the answers. The result of this one, never null, nor of something
    /// that isn't possible here; without rows if there is a visit, which has had them.
    Result execute(std::string_view sql, const std::vector<SqlValue>& values, Visit* visit = nullptr);
    static void read_rows(const PGresult* result, std::vector<std::vector<SqlValue>>& rows);
    /// Gives what came for those who wait to them, also of statements before one that failed.
    static void give_rows(const std::vector<Waiting>& waiting);
    /// Refuses what isn't possible here.
    static void check_result(const PGresult* result, std::string_view sql);
    /// Null at the end of a command's results.
    Result next_result();
    Answer answer_to(const std::vector<Sent>& sent, Visit* visit);
    /// Has the server stop what it does. Blocks until it was told.
    void stop_statement() noexcept;
    /// Waits until the server goes on, as long as there is patience, and reads what it said. False if the connection is lost.
    bool receive(short events);
    /// Where all notifications pass: they come with any answer, once its connection has run a LISTEN.
    void take_notifications();
    [[noreturn]] void fail(const PGresult* result, std::string_view sql) const;
    /// Fails so that all is tried again, if the server lost a prepared statement or can't use it any more.
    void require_prepared(const PGresult* result, std::string_view sql);

    PostgresqlParameters parameters_;
    Patience patience_;
    std::unique_ptr<PGconn, Close> connection_;
    PreparedStatements statements_;
    std::vector<Waiting> later_;
    Visit* visit_ = nullptr;   ///< that is under way
    bool ends_with_next_ = false;
    bool is_leaving_ = false;  ///< the answer to the end of a transaction wasn't taken
};

}  // namespace modapi
