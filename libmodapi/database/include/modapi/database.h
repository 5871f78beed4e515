#pragma once

#include <modapi/cache_invalidation.h>
#include <modapi/sql_value.h>

#include <async/cached.h>
#include <async/callable.h>
#include <async/task.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace modapi {

/// A statement failed. what() has the database's message and the statement, never the values.
class DatabaseError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};
/// A uniqueness or other constraint was violated.
class ConstraintViolation : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// A statement that writes, in an interaction that only reads.
class WriteRefused : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// An interaction that was at work for longer than its time limit: its statement was cut, or a further one refused.
class InteractionTimeout : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// A result that has more bytes than whoever asked holds. The statement was stopped there: the transaction can only be rolled
/// back.
class ResultTooLarge : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

/// Is given the rows of a statement one by one, as the database gives them, so that nobody holds all of them.
///
/// Thread: the transaction's.
class RowVisitor {
public:
    /// `most_row_bytes`: no row has more. It isn't held, and the statement fails with ResultTooLarge.
    explicit RowVisitor(std::size_t most_row_bytes) noexcept : most_row_bytes_(most_row_bytes) {}
    virtual ~RowVisitor() = default;
    RowVisitor(const RowVisitor&) = delete;
    RowVisitor& operator=(const RowVisitor&) = delete;

    /// One row, with a value for each of `columns`, which are the same for all rows. What it throws, the statement fails with:
    /// no further row comes.
    virtual void row(const std::vector<std::string>& columns, std::vector<SqlValue> values) = 0;
    [[nodiscard]] std::size_t most_row_bytes() const noexcept { return most_row_bytes_; }

private:
    std::size_t most_row_bytes_;
};

/// How long an interaction may be at work; none: for ever.
using InteractionLimit = std::optional<std::chrono::milliseconds>;

/// One open transaction. Statements have `?` for each value; values are bound, never pasted into the text.
///
///     transaction.execute("INSERT INTO visits (user_id, seen) VALUES (?, ?)", user_id, now);
///     auto rows = transaction.query<std::string, std::int64_t>("SELECT user_id, seen FROM visits WHERE seen > ?", since);
///
/// Thread: that of the function it was given to. Lifetime: until that function returns. The same statements run on SQLite and
/// PostgreSQL as far as their SQL does. A bool is bound to and read from a BIGINT column, as 0 and 1, or a BOOLEAN one, where a
/// statement says TRUE and FALSE and never 1 and 0, which PostgreSQL doesn't take there. Bytes are a SqlBytes, bound to and
/// read from a BYTEA column, which both have; a column of bytes that is read as a std::string gives the bytes themselves on
/// SQLite, and PostgreSQL's text for them, `\x00ff`, there. A `?` inside a quoted SQL text is text. When a statement has
/// failed, the transaction can't be committed any more. PostgreSQL refuses texts with a NUL character.
class Transaction {
public:
    virtual ~Transaction() = default;
    Transaction() = default;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Runs one statement; returns the number of rows it changed.
    template <class... Values>
    std::int64_t execute(std::string_view sql, const Values&... values) {
        return run(sql, {detail::to_sql(values)...}, nullptr);
    }
    /// Runs one statement with as many values as turn out when it is made; returns the number of rows it changed.
    std::int64_t execute_with(std::string_view sql, std::vector<SqlValue> values) {
        return run(sql, std::move(values), nullptr);
    }
    /// Runs one statement before the next one, of which nothing is needed but that it was run: PostgreSQL gets both at once, which
    /// is half the waiting. What the statement can't do, the next one's error says, or that of the commit. For INSERT, UPDATE and
    /// DELETE.
    template <class... Values>
    void execute_later(std::string_view sql, const Values&... values) {
        run_later(sql, {detail::to_sql(values)...});
    }
    /// As execute, but its result is looked at with the next statement's.
    void execute_with_later(std::string_view sql, std::vector<SqlValue> values) { run_later(sql, std::move(values)); }
    /// Runs one query; all its rows, in order.
    template <class... Columns, class... Values>
    [[nodiscard]] std::vector<std::tuple<Columns...>> query(std::string_view sql, const Values&... values) {
        return query_with<Columns...>(sql, {detail::to_sql(values)...});
    }
    /// Runs one query with as many values as turn out when it is made; all its rows, in order.
    template <class... Columns>
    [[nodiscard]] std::vector<std::tuple<Columns...>> query_with(std::string_view sql, std::vector<SqlValue> values) {
        std::vector<std::vector<SqlValue>> raw;
        run(sql, std::move(values), &raw);
        std::vector<std::tuple<Columns...>> rows;
        rows.reserve(raw.size());
        for (std::vector<SqlValue>& row : raw) {
            check_width(row.size(), sizeof...(Columns), sql);
            rows.push_back([&]<std::size_t... Index>(std::index_sequence<Index...>) {
                return std::tuple<Columns...>(read<Columns>(row[Index], Index)...);
            }(std::index_sequence_for<Columns...>()));
        }
        return rows;
    }
    /// The first row of a query; none if there is none.
    template <class... Columns, class... Values>
    [[nodiscard]] std::optional<std::tuple<Columns...>> query_one(std::string_view sql, const Values&... values) {
        std::vector<std::tuple<Columns...>> rows = query<Columns...>(sql, values...);
        if (rows.empty()) return std::nullopt;
        return std::move(rows.front());
    }
    /// Runs one statement of whatever kind, also one that gives no rows, of which nothing is known before it runs. For tools
    /// and for statements that somebody else writes: where the columns are known, `query` says when they are others. Errors:
    /// ResultTooLarge beyond `usual_result_bytes`.
    template <class... Values>
    SqlResult query_any(std::string_view sql, const Values&... values) {
        return query_any_with(sql, {detail::to_sql(values)...});
    }
    /// What the rows of `query_any` have at most, in bytes of this process's memory.
    static constexpr std::size_t usual_result_bytes = 256UL * 1024 * 1024;
    /// Likewise with as many values as turn out when it is made, and at most `most_bytes` of rows: those that are beyond are
    /// never held, so that who writes the statement can't fill the memory. Errors: ResultTooLarge.
    SqlResult query_any_with(std::string_view sql, std::vector<SqlValue> values, std::size_t most_bytes = usual_result_bytes);
    /// Likewise, but `visitor` is given the rows, each as it comes: the result has none. Errors: also what the visitor throws.
    SqlResult visit_with(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor) {
        SqlResult result;
        result.changed = visit(sql, std::move(values), visitor, result.columns);
        return result;
    }
    /// For a transaction of Database::run_apart, before its first statement: waits until nobody writes, and lets nobody write
    /// until it ends, so that it can't collide. Nothing where writers don't wait for each other. Errors: InteractionTimeout.
    virtual void keep_others_from_writing() {}
    /// Whether whoever wants to write waits for this transaction, whatever they write.
    [[nodiscard]] virtual bool keeps_others_from_writing() const noexcept { return false; }
    /// Has `function`, which was registered with ModuleApi::register_cached_function, forget the answer for this key on all workers of all
    /// processes: when this transaction is committed, and not at all if it isn't. Before whoever awaits the interaction goes on the
    /// workers of this process have dropped it; others soon after. Cost: on PostgreSQL, where processes share the database, a row.
    template <class Signature, std::size_t KeyParts, class... Key>
    void invalidate_cache(const async::cached<Signature, KeyParts>& function, const Key&... key) {
        constexpr bool is_key = async::cached<Signature, KeyParts>::template is_key<Key...>;
        static_assert(is_key, "an invalidation names every part of the cached function's key, by values of their types");
        if constexpr (is_key) add_invalidation(function, function.key_strings(key...));
    }
    /// Likewise by the parts of the key as text, as async::cached::key_strings gives them, for a function whose types are only
    /// known at run time. Errors: std::logic_error for one that wasn't registered, and for another number of parts. A part that
    /// is no value of its type has the function forget everything.
    void invalidate_cache_by_text(const async::cached_function& function, std::vector<std::string> key);
    /// What was invalidated so far.
    [[nodiscard]] const CacheInvalidations& invalidations() const noexcept { return invalidations_; }

    /// "sqlite3" or "postgresql", where a statement has to differ.
    [[nodiscard]] virtual std::string_view engine() const noexcept = 0;

protected:
    /// Runs `sql` with `values`; rows go to `rows` unless that is null. Returns the number of rows changed.
    virtual std::int64_t run(std::string_view sql, std::vector<SqlValue> values, std::vector<std::vector<SqlValue>>* rows) = 0;
    /// Runs `sql` with `values`; rows go to `visitor`, and the columns' names to `columns`. Returns the number of rows changed.
    virtual std::int64_t visit(std::string_view sql, std::vector<SqlValue> values, RowVisitor& visitor,
                               std::vector<std::string>& columns) = 0;
    /// Runs `sql` before the next statement, or at once.
    virtual void run_later(std::string_view sql, std::vector<SqlValue> values) { run(sql, std::move(values), nullptr); }
    /// What a column of bytes gives that is read as a std::string: the bytes.
    [[nodiscard]] virtual std::string text_of(SqlBytes bytes) const { return std::move(bytes).content(); }
    /// Errors: DatabaseError if a row has another number of columns than are read.
    static void check_width(std::size_t found, std::size_t wanted, std::string_view sql);

private:
    template <class Column>
    [[nodiscard]] Column read(SqlValue& value, std::size_t index) const {
        if constexpr (std::is_same_v<Column, std::string> || std::is_same_v<Column, std::optional<std::string>>) {
            if (auto* const bytes = std::get_if<SqlBytes>(&value)) [[unlikely]]
                return text_of(std::move(*bytes));
        }
        return detail::from_sql<Column>(value, index);
    }
    void add_invalidation(const async::cached_function& function, std::vector<std::string> key);

    CacheInvalidations invalidations_;
};

/// What must hold for a transaction to be committed. Thread: the transaction's. Lifetime: outlives the interactions it is given to.
class TransactionCondition {
public:
    virtual ~TransactionCondition() = default;
    TransactionCondition() = default;
    TransactionCondition(const TransactionCondition&) = delete;
    TransactionCondition& operator=(const TransactionCondition&) = delete;

    /// In the transaction, before anything else. What it throws, the interaction fails with.
    virtual void require(Transaction& transaction) const = 0;
};

/// Where a host's data is.
struct DatabaseSettings {
    std::string name = "sqlite3";            ///< sqlite3 or postgresql, which the contract's server calls psycopg2
    std::string database = "homeserver.db";  ///< SQLite: a file, or ":memory:", one database for the whole pool
    /// libpq's key=value form; may hold a password: never logged. connect_timeout is in seconds, 10 if it isn't given, 0 for
    /// none; of a list of hosts each has it.
    std::string postgresql_connection;
    /// PostgreSQL: what libpq calls `options`, of every connection: `-c name=value ...`. What the connection's own parameters say
    /// comes behind it. Empty: none.
    std::string postgresql_options{};
    std::size_t readers = 2;                 ///< SQLite file: connections beside the writer's
    std::size_t postgresql_connections = 5;  ///< as many threads use them
    /// Connections for `Database::run_apart`, with a thread each. Each is opened when it is needed.
    std::size_t apart_connections = 5;
    /// PostgreSQL: a table that `run_in_turn` locks, so that turns hold between processes too. The host's own schema has it,
    /// and nothing else uses it. Empty: turns hold within the process.
    std::string turn_table;
    /// After this an interaction that only reads is cut, so that one that never ends doesn't keep the connections that all read
    /// by. None: never.
    InteractionLimit read_limit = std::chrono::seconds(10);
    /// SQLite: for how long, from the first one on, further interactions join those that share a commit. 0: each has its own.
    std::chrono::milliseconds shared_commit = std::chrono::milliseconds(5);
    /// SQLite file: refuses to open what another process has opened in this way, and names it. The lock, on a file `.lock`
    /// beside it, ends with the process, however that ends.
    bool is_alone = false;

    [[nodiscard]] bool is_postgresql() const noexcept { return name == "postgresql" || name == "psycopg2"; }
};

/// A database and the threads that talk to it. Shared by all workers of a process.
///
/// On SQLite one thread writes, in the order of the calls, in write-ahead-log mode with synchronous=FULL: what a finished `run`
/// committed survives a kill. What waits while it writes shares the next commit, each in a savepoint of its own: up to 64
/// interactions within DatabaseSettings::shared_commit. One that fails is rolled back alone, and one that is known to take longer
/// than that comes first. `read` runs beside it on a snapshot. On PostgreSQL several threads write side by side, with the
/// result of one after the other (SERIALIZABLE); `read` has a snapshot. Lifetime: outlives every task that runs on it.
///
/// What blocks what: an interaction holds one database thread and its connection until it is through, also while the server
/// computes or another transaction has what it needs. Others run on the threads that are free and queue when there is none.
/// Workers never wait: only their tasks do. The destructor waits for what runs.
///
/// What limits it: a `read` has DatabaseSettings::read_limit, a `run_within` its own; a `run` has none. The time begins with
/// the connection, not in the queue, and all tries share it. What is over it gets InteractionTimeout from the statement that
/// runs, or from the next one or the commit where the function itself took so long, and is rolled back; the log names it by
/// `desc`, with the statement. A function that never returns can't be ended: `running` tells of it.
class Database {
public:
    virtual ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Opens and checks it; blocks until all connections are there. Errors: DatabaseError that names the file or server.
    [[nodiscard]] static std::unique_ptr<Database> open(const DatabaseSettings& settings);

    /// Runs `function(transaction, arguments...)` in a transaction on a database thread and resumes on the task's executor:
    /// commit on return, rollback on exception, which is rethrown. `desc` names it in logs. The function may be called again
    /// (up to 5 times) after a serialization failure or a lost connection, so it must not have other effects. A server that is
    /// gone is waited for, 1.55 s in all, and each of these tries takes up to connect_timeout for a host that says nothing.
    /// Errors: DatabaseError; also when the connection was lost during the commit, whose outcome is unknown then.
    template <class Function, class... Arguments>
    auto run(std::string desc, Function&& function, Arguments&&... arguments) {
        return checked_start(Terms{Access::write, std::nullopt, nullptr}, std::move(desc), std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    /// Runs `function(transaction, arguments...)` as `run` does, for at most `limit`; none is `run`. Errors: those of `run`;
    /// InteractionTimeout.
    template <class Function, class... Arguments>
    auto run_within(InteractionLimit limit, std::string desc, Function&& function, Arguments&&... arguments) {
        return checked_start(Terms{Access::write, limit, nullptr}, std::move(desc), std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    /// Runs `function(transaction, arguments...)` as `run_within` does, if `condition` holds in its transaction; null: it does. Errors:
    /// those of `run_within`; what the condition throws.
    template <class Function, class... Arguments>
    auto run_under(const TransactionCondition* condition, InteractionLimit limit, std::string desc, Function&& function,
                   Arguments&&... arguments) {
        return checked_start(Terms{Access::write, limit, condition}, std::move(desc), std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    /// Runs `function(transaction, arguments...)` as `run` does, one such interaction after the other, in the order of the
    /// calls: for those that would collide whenever two of them run at once, since all of them change one row. Each sees what
    /// the one before it has committed, and none fails because of another of them; a `run` that changes the same rows collides
    /// as ever.
    ///
    /// Within the process those that wait hold no database thread. Between processes over one PostgreSQL database the first of
    /// each waits for DatabaseSettings::turn_table; a process that dies gives its turn back with its connection. Cost: `run`'s,
    /// and one statement where there is such a table; on SQLite it is `run`. Errors: those of `run`.
    template <class Function, class... Arguments>
    auto run_in_turn(std::string desc, Function&& function, Arguments&&... arguments) {
        return checked_start(Terms{Access::write_in_turn, std::nullopt, nullptr}, std::move(desc), std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    /// Runs `function(transaction, arguments...)` as `run` does, in a transaction that only reads: beside a writer, on a
    /// snapshot, for at most DatabaseSettings::read_limit. An SQLite database in memory has one connection for everything.
    /// Errors: those of `run`; WriteRefused for a statement that writes; InteractionTimeout.
    template <class Function, class... Arguments>
    auto read(std::string desc, Function&& function, Arguments&&... arguments) {
        return checked_start(Terms{Access::read, read_limit_, nullptr}, std::move(desc), std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    /// Runs `function(transaction, arguments...)` as `run_under` does, but apart from all others: for a function that waits for
    /// somebody between its statements, and for statements that somebody else wrote. It has one of
    /// DatabaseSettings::apart_connections, so that nobody who reads waits for it, and nothing that it leaves on the connection
    /// (temporary tables, settings, locks of the session, what is prepared) is there for the next one.
    ///
    /// On SQLite it is a reader until its first statement that writes: from there on it has the turn of the one who writes, in
    /// the order in which they come, until it ends (Transaction::keeps_others_from_writing). A statement that writes fails with
    /// TransientDatabaseError if somebody has written since it began to read, as a serialization failure does on PostgreSQL. A
    /// database in memory has one connection for everything. Cost: on PostgreSQL a round trip more.
    template <class Function, class... Arguments>
    auto run_apart(const TransactionCondition* condition, InteractionLimit limit, std::string desc, Function&& function,
                   Arguments&&... arguments) {
        return checked_start(Terms{Access::write_apart, limit, condition}, std::move(desc), std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    /// Likewise in a transaction that only reads, as `read`, and is rolled back however it ends: nothing comes of what its
    /// statements do by functions (`lo_create`), and no lock stays (`pg_advisory_lock`).
    template <class Function, class... Arguments>
    auto read_apart(std::string desc, Function&& function, Arguments&&... arguments) {
        return checked_start(Terms{Access::read_apart, read_limit_, nullptr}, std::move(desc), std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    /// Runs `function` in a transaction as `run` does, blocking, for start-up code that has no executor yet.
    void run_blocking(std::string_view desc, void (*function)(Transaction&, void*), void* state) {
        perform({Terms{Access::write, std::nullopt, nullptr}, desc, function, state});
    }

    /// An interaction that has its connection, or waits on a database thread for one.
    struct Running {
        std::string desc;
        std::chrono::steady_clock::time_point since;
    };
    /// All that are at work, the longest first: who looks from time to time sees what doesn't end. Thread: any. Cost: a lock
    /// and a copy of each.
    [[nodiscard]] std::vector<Running> running() const;

    /// Tells `observer` of what transactions invalidate, from the next commit on, until it is taken away. Thread: any.
    void add_observer(InvalidationObserver& observer);
    /// Waits for the call that is under way; none comes after this.
    void remove_observer(InvalidationObserver& observer) noexcept;

    [[nodiscard]] virtual std::string_view engine() const noexcept = 0;

    /// What `running` tells of.
    class AtWork;

protected:
    /// What an interaction does: it reads only, it writes, or it writes in the order in which such ones came; apart: on a
    /// connection that others don't wait for.
    enum class Access : unsigned char { read, write, write_in_turn, write_apart, read_apart };
    /// What an interaction is run under.
    struct Terms {
        Access access;
        InteractionLimit limit;
        const TransactionCondition* condition;  ///< null: there is none
    };
    /// One interaction on its way to a database thread.
    struct Interaction : Terms {
        std::string_view desc;
        void (*function)(Transaction&, void*);
        void* state;
    };

    explicit Database(InteractionLimit read_limit);

    /// `perform` on a thread that may block, for a task that waits for it. What it is given lives until then.
    [[nodiscard]] virtual async::task<void> perform_elsewhere(const Interaction& interaction);
    /// Executor of the threads that may block: those that write in turn one at a time.
    [[nodiscard]] virtual boost::asio::any_io_executor executor(Access access) = 0;
    /// One transaction on the calling thread, with retries. Each runs its function by `run_function`, and says `was_committed`.
    virtual void interact(const Interaction& interaction) = 0;
    /// `interact`, seen by `running` meanwhile.
    void perform(const Interaction& interaction);
    [[nodiscard]] AtWork& at_work() noexcept { return *at_work_; }
    /// The function, and what observers do in its transaction.
    void run_function(const Interaction& interaction, Transaction& transaction) {
        if (interaction.condition != nullptr) [[unlikely]]
            interaction.condition->require(transaction);
        interaction.function(transaction, interaction.state);
        if (!transaction.invalidations().empty()) [[unlikely]] share_invalidations(transaction);
    }
    /// Tells of what a transaction had to tell once it is there for everybody.
    void was_committed(const Transaction& transaction) noexcept {
        if (!transaction.invalidations().empty()) [[unlikely]] tell_of_invalidations(transaction.invalidations());
    }

private:
    class Observers;

    void share_invalidations(Transaction& transaction);
    void tell_of_invalidations(const CacheInvalidations& invalidations) noexcept;

    template <class Function, class... Arguments>
    auto checked_start(const Terms& terms, std::string desc, Function&& function, Arguments&&... arguments) {
        async::detail::require_safe_callable<Function>();
        constexpr bool fits = std::is_invocable_v<std::decay_t<Function>&, Transaction&, std::decay_t<Arguments>&...>;
        static_assert(fits,
                      "an interaction's function is called as function(modapi::Transaction&, args...) with the arguments that "
                      "stand after it: they are others, or more or fewer, than its parameters");
        if constexpr (fits) {
            return start<std::decay_t<Function>, std::decay_t<Arguments>...>(
                *this, terms, std::move(desc), std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        } else {
            return async::make_ready_task();
        }
    }

    template <class Function, class... Arguments>
    static async::task<std::remove_cvref_t<std::invoke_result_t<Function&, Transaction&, Arguments&...>>> start(
        Database& self, Terms terms, std::string desc, Function function, Arguments... arguments) {
        using result = std::remove_cvref_t<std::invoke_result_t<Function&, Transaction&, Arguments&...>>;
        struct Call {
            Function& function;
            std::tuple<Arguments&...> arguments;
            std::optional<async::detail::ready_value<result>> value;

            static void in_transaction(Transaction& transaction, void* self_) {
                Call& call = *static_cast<Call*>(self_);
                const auto with_transaction = [&](Arguments&... given) -> decltype(auto) {
                    return std::invoke(call.function, transaction, given...);
                };
                if constexpr (std::is_void_v<result>) {
                    std::apply(with_transaction, call.arguments);
                    call.value.emplace();
                } else {
                    call.value.emplace(std::apply(with_transaction, call.arguments));
                }
            }
        };
        Call call{function, std::tie(arguments...), std::nullopt};
        const Interaction interaction{terms, desc, &Call::in_transaction, &call};
        async::task<void> work = self.perform_elsewhere(interaction);
        co_await std::move(work);
        if constexpr (!std::is_void_v<result>) co_return std::move(*call.value);
    }
    InteractionLimit read_limit_;
    std::unique_ptr<AtWork> at_work_;
    std::unique_ptr<Observers> observers_;
};

}  // namespace modapi
