#pragma once

#include <modapi/database.h>
#include <modapi/hosting/process_identity.h>
#include <modapi/hosting/session_lock.h>

#include <async/clock.h>
#include <async/task.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace modapi {

/// A process of that name runs already: `another process named worker1 runs on HOST as process 1234, since TIME: ...`.
class ProcessNameTaken : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A process of another version runs: one line with its name and both versions.
class DifferentVersion : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The processes that share a PostgreSQL database: each has a name that no other has, and a row that says who it is and when it
/// was seen last. A process on SQLite is alone and has no such object.
///
/// Times in the rows are the database's clock's. Thread: any, for what doesn't say otherwise. Lifetime: `database` and `clock`
/// outlive it.
class ProcessRegistry {
public:
    static constexpr std::chrono::minutes modules_usually_may_differ{10};

    /// `settings` are the database's own, for the connection that holds the name. Processes whose modules differ for longer than
    /// `modules_may_differ` are told to whoever watches their health.
    ProcessRegistry(Database& database, DatabaseSettings settings, ProcessIdentity own, const async::clock& clock,
                    std::chrono::milliseconds modules_may_differ = modules_usually_may_differ);
    ProcessRegistry(const ProcessRegistry&) = delete;
    ProcessRegistry& operator=(const ProcessRegistry&) = delete;

    /// Makes the tables of processes and of the BackgroundLease where they are missing. Several at once wait for each other.
    static void create(Transaction& transaction);

    /// Takes the name, and writes the row. Blocks; at start, after create(). Who has just been killed may have its
    /// name for a moment: it is waited for, a second. Errors: ProcessNameTaken; DifferentVersion; DatabaseError. After one of
    /// them the name is free.
    void enter();
    /// Whether the name is still this process's; after a false another process has it, and this one must end. Blocks its
    /// thread; see SessionLock::check. One thread at a time, after enter().
    [[nodiscard]] bool check_name();
    /// All that were seen within the last 10 s, with this one, by name. Errors: DatabaseError.
    [[nodiscard]] async::task<std::vector<LivingProcess>> living();
    /// Says that this process lives, and looks whether the others have the same modules. Every 3 s, by its owner. A row that
    /// isn't this process's any more is left alone. Errors: DatabaseError.
    [[nodiscard]] async::task<void> heartbeat();
    /// Removes the row, at an orderly stop, after the last heartbeat() has ended; the name is free when this object ends.
    /// Errors: none; a row that can't be removed ages.
    [[nodiscard]] async::task<void> leave();

    /// The digest of the modules that this process has from now on; the others see it with the next heartbeat.
    void modules_are(std::string digest);
    /// Since when, by this process's own clock, the modules of some living process differ from this one's without a pause;
    /// none: they are the same. As of the last heartbeat, which warns of each change.
    [[nodiscard]] std::optional<async::clock::time_point> modules_differ() const;
    /// Why this process isn't well: `modules of process NAME differ from this one's for more than 10 minutes`. None: it is.
    /// Cost: a lock.
    [[nodiscard]] std::optional<std::string> unhealthy() const;

    /// With the digest that modules_are() gave last.
    [[nodiscard]] ProcessIdentity own() const;

private:
    struct Difference {
        std::string modules;
        std::string own_modules;  ///< what they differ from
        async::clock::time_point since;
    };

    void compare_modules(const std::vector<LivingProcess>& processes);

    Database& database_;
    DatabaseSettings settings_;
    const async::clock& clock_;
    const std::chrono::milliseconds modules_may_differ_;
    std::unique_ptr<SessionLock> name_;
    mutable std::mutex mutex_;
    ProcessIdentity own_;                            ///< under the mutex, as is what follows
    std::map<std::string, Difference> differences_;  ///< by name of the other process
    bool is_replaced_ = false;                       ///< another process has the row, and that was told
};

}  // namespace modapi
