#pragma once

#include <modapi/database.h>
#include <modapi/hosting/process_identity.h>

#include <async/clock.h>
#include <async/task.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace modapi {

/// Background work was taken over since this began: what it did must not be written. One line.
class LeaseLost : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// How long a lease holds, and how often it is looked at.
struct BackgroundLeaseSettings {
    /// The name of the process that does the background work, whoever has it; the others never try. None: whoever comes first.
    std::optional<std::string> only_on;
    std::chrono::milliseconds length = std::chrono::seconds(10);      ///< without being renewed
    std::chrono::milliseconds renew_every = std::chrono::seconds(3);  ///< a third of it when renewing fails
    std::chrono::milliseconds try_every = std::chrono::seconds(2);    ///< by those who don't have it
};

/// Who does the background work of all processes over a PostgreSQL database: one of them, for as long as it says that it lives.
///
/// A row of the database says who has the lease and when it ends, by the database's clock; one who dies is replaced by another
/// within `length` and two tries. Each take has the next fencing number, which transactions of background work ask for by
/// require(): one who was stopped in the middle of its work (SIGSTOP), and goes on after somebody else took over, writes
/// nothing. What leaves the database meanwhile, mail or HTTP requests, nobody can take back.
///
/// A process on SQLite has no such object and always does the background work. Each process has another name, which its
/// ProcessRegistry holds while this object lives: who has the name of the lease's last owner takes it at once, since that one
/// must be dead.
///
/// Lifetime: `database` and `clock` outlive it; whoever runs keep() has ended before it does. Cost: one short transaction every
/// `renew_every` for who has it, one short read every `try_every` for the others.
class BackgroundLease {
public:
    /// `own` is who this process is to the others; `clock` is that of the tasks that run keep().
    BackgroundLease(Database& database, ProcessIdentity own, BackgroundLeaseSettings settings, async::clock& clock);
    BackgroundLease(const BackgroundLease&) = delete;
    BackgroundLease& operator=(const BackgroundLease&) = delete;

    /// Makes its tables where they are missing; ProcessRegistry::create does it, with the lock that it takes.
    static void create(Transaction& transaction);

    /// Takes the lease if this process has the name of its last owner or is the one that `only_on` names, or if nobody has it;
    /// says whether it is owned now. Blocks; before modules are built, since they ask for it in their constructors. The lease
    /// isn't renewed before keep() runs: modules that take longer than `length` to build are built beside it. Errors:
    /// DatabaseError.
    [[nodiscard]] bool take_at_start();
    /// Renews the lease or tries to get it, until it is cancelled; in a process that never gets it, it returns at once. Calls
    /// `changed(true)` when the lease was won, `changed(false)` when it was lost, on the task's executor; what take_at_start
    /// said is taken as known. While the database can't be reached the lease counts as lost from the moment at which it may
    /// have ended, before anybody else can have it. `changed` doesn't throw.
    [[nodiscard]] async::task<void> keep(std::function<void(bool owns)> changed);
    /// Ends the lease, so that another process takes it with its next try. At an orderly stop, after keep() has ended and with
    /// it the background work. Errors: none; a lease that can't be ended runs out.
    [[nodiscard]] async::task<void> give_up();

    /// Whether this process has the lease at this moment, by its own clock. Thread: any. Cost: reads the clock.
    [[nodiscard]] bool owns() const noexcept;
    /// The fencing number of this process's last take; 0: it never had the lease. Thread: any.
    [[nodiscard]] std::int64_t fence() const noexcept { return fence_.load(); }
    /// Lets a transaction that writes go on only while nobody else has taken the lease since: until that transaction ends
    /// nobody can. Thread: the transaction's. Errors: LeaseLost; DatabaseError, which Database::run tries again and which then
    /// is LeaseLost, if another process takes the lease at this moment. Cost: one statement, best the transaction's first.
    void require(Transaction& transaction) const { require(transaction, fence()); }
    /// The same for work that began when fence() was `began_with`: it isn't written either when the lease was lost meanwhile
    /// and won back by this process.
    static void require(Transaction& transaction, std::int64_t began_with);

private:
    struct Answer;

    [[nodiscard]] bool may_try() const noexcept;
    /// In a transaction, which may be run again.
    static Answer take(Transaction& transaction, const BackgroundLease& self);
    static Answer renew(Transaction& transaction, const BackgroundLease& self);
    static bool could_be_taken(Transaction& transaction, const BackgroundLease& self);
    void note(const Answer& answer);

    static async::task<void> renew_or_try(BackgroundLease& self);
    /// Calls `changed_` if something has.
    void tell();
    /// Looks again at the moment at which the lease ends.
    void watch(const boost::asio::any_io_executor& executor);

    Database& database_;
    const ProcessIdentity own_;
    const BackgroundLeaseSettings settings_;
    async::clock& clock_;
    std::atomic<std::int64_t> fence_{0};
    std::atomic<async::clock::time_point> ends_{async::clock::time_point::min()};  ///< of the lease, by the own clock
    // What follows is used on the executor of keep().
    bool is_told_ = false;  ///< whether it is owned, as far as `changed_` knows
    std::function<void(bool)> changed_;
    std::unique_ptr<async::timer> end_;
    std::string other_;  ///< the process that had or has it, as of the last answer
    bool has_failed_ = false;
    bool is_waiting_ = false;  ///< for a transaction, and that was told
};

}  // namespace modapi
