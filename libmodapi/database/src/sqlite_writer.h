#pragma once

#include "connection_pool.h"
#include "interaction.h"
#include "sqlite_connection.h"
#include "sqlite_file.h"
#include "sqlite_transaction.h"

#include <async/clock.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// An interaction that waits for its turn to write. Thread: the writer's.
class SqliteWrite {
public:
    virtual ~SqliteWrite() = default;

    [[nodiscard]] virtual std::string_view desc() const noexcept = 0;
    [[nodiscard]] virtual const InteractionLimit& limit() const noexcept = 0;
    /// False: nobody waits for it any more; it isn't run.
    [[nodiscard]] virtual bool begin() = 0;
    /// Its function. Again, if what it did was lost with the transaction that it shared.
    virtual void run(Transaction& transaction) = 0;
    virtual void was_committed(const Transaction& transaction) noexcept = 0;
    /// It is on disk, or has failed; then it may be gone.
    virtual void finish(std::exception_ptr failure) noexcept = 0;
};

/// The one thread and connection of a database that write.
///
/// What came while it was writing shares the next commit: one wait for the disk for all of them. Each has a savepoint, so that one
/// that fails is rolled back alone, and all are answered behind the commit, also those that failed: it may be for what another
/// one did. If what several share is lost (by a full disk, a statement that was cut, a constraint that is only checked at the end),
/// each is run again by itself. Who is known to take long begins a commit of its own, so that nobody's answer waits for it.
/// Lifetime: ends when all that was given to it has.
class SqliteWriter {
public:
    /// `file` has a value by the first write, unless the database is in memory. `longest`: from the first one on, for how long
    /// others join it. Lifetime: file and clock outlive this.
    SqliteWriter(const std::string& database, const std::optional<SqliteFileIdentity>& file, std::chrono::milliseconds longest,
                 const async::clock& clock)
        : file_(file), longest_(longest), clock_(clock), connections_(1, database, true) {}

    /// Thread: any. `write` lives until it is finished.
    void submit(SqliteWrite& write);
    [[nodiscard]] ConnectionPool<SqliteConnection>& connections() noexcept { return connections_; }

private:
    struct Member {
        SqliteWrite* write;
        std::unique_ptr<InteractionDeadline> deadline;
        std::unique_ptr<SqliteTransaction> transaction;
        std::exception_ptr failure;  ///< of one that was rolled back alone, for what others did that may never be committed
    };
    struct Group {
        std::vector<Member> members;  ///< they have done their part, of one transaction; the first without a failure
        std::vector<Member> again;    ///< they collided with another program: by themselves, when the group is through
        std::size_t taken = 0;        ///< whatever became of them
        async::clock::time_point began;
    };

    void work() noexcept;
    /// The next one that may join; null: the group is to be committed.
    [[nodiscard]] SqliteWrite* next_for(const Group& group);
    void run_group(SqliteConnection& connection);
    void run_member(SqliteConnection& connection, Group& group, SqliteWrite& write);
    void commit(SqliteConnection& connection, Group& group);
    void run_alone(SqliteConnection& connection, SqliteWrite& write, const InteractionDeadline& deadline) noexcept;
    [[nodiscard]] const SqliteFileIdentity* file() const noexcept { return file_ ? &*file_ : nullptr; }
    void note_length(std::string_view desc, async::clock::duration length);

    const std::optional<SqliteFileIdentity>& file_;
    std::chrono::milliseconds longest_;
    const async::clock& clock_;
    std::mutex mutex_;
    std::deque<SqliteWrite*> waiting_;
    bool is_at_work_ = false;
    std::set<std::string, std::less<>> take_long_;  // of the writer's thread
    ConnectionPool<SqliteConnection> connections_;  // whose end waits for what uses the rest
};

}  // namespace modapi
