#pragma once

#include <modapi/transaction.h>

#include <async/callable.h>
#include <async/task.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace modapi {

/// How long an interaction may be at work; none: for ever.
using InteractionLimit = std::optional<std::chrono::milliseconds>;

/// Where a host's data is.
struct DatabaseSettings {
    std::string name = "sqlite3";            ///< sqlite3 or postgresql, which the contract's server calls psycopg2
    std::string database = "homeserver.db";  ///< SQLite: a file, or ":memory:", one database for the whole pool
    /// libpq's key=value form; may hold a password: never logged. connect_timeout is in seconds, 10 if it isn't given, 0 for
    /// none; of a list of hosts each has it.
    std::string postgresql_connection;
    /// PostgreSQL: what libpq calls `options`, of every connection: `-c name=value ...`. What the connection's own parameters
    /// say comes behind it. Empty: none.
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
/// interactions within DatabaseSettings::shared_commit. One that fails is rolled back alone, and one that is known to take
/// longer than that comes first. `read` runs beside it on a snapshot. On PostgreSQL several threads write side by side, with
/// the result of one after the other (SERIALIZABLE); `read` has a snapshot. Lifetime: outlives every task that runs on it.
///
/// What blocks what: an interaction holds one database thread and its connection until it is through, also while the server
/// computes or another transaction has what it needs. Others run on the threads that are free and queue when there is none.
/// Workers never wait: only their tasks do. The destructor waits for what runs.
///
/// What limits it: a `read` has DatabaseSettings::read_limit, a `run_within` its own; a `run` has none. The time begins with
/// the connection, not in the queue, and all tries share it. What is over it gets InteractionTimeout from the statement that
/// runs, or from the next one or the commit where the function itself took so long, and is rolled back; the log names it by
/// `desc`, with the statement. Of statements that travel together on PostgreSQL each may take the limit. A function that never
/// returns can't be ended: `running` tells of it.
class Database {
public:
    virtual ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Opens and checks it; blocks until all connections are there. Errors: DatabaseError that names the file or server.
    [[nodiscard]] static std::unique_ptr<Database> open(const DatabaseSettings& settings);

    /// Runs `function(transaction, arguments...)` in a transaction on a database thread and resumes on the task's executor:
    /// commit on return, rollback on exception, which is rethrown. `desc` names it in logs. The function may be called again
    /// (up to 5 times) after a serialization failure or a lost connection, and on SQLite when the commit that it shared with
    /// others couldn't be made, so it must not have other effects. A server that is
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
    /// Runs `function(transaction, arguments...)` as `run_within` does, if `condition` holds in its transaction; null: it does.
    /// Errors: those of `run_within`; what the condition throws.
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
    /// On PostgreSQL one that asks for all it needs at once, by one `query` and what Transaction::query_later sends with it,
    /// waits for the server a single time where those of the same `desc` have done so eight times in a row; if it asks for more
    /// then, it is called again. Its transaction has ended by the time it has the rows.
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
        static_assert(!detail::is_later_rows<result>, "the rows of a query are taken before the transaction ends");
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
