#pragma once

#include <modapi/database.h>
#include <modapi/hosting/background_lease.h>
#include <modapi/hosting/bus.h>
#include <modapi/hosting/process_registry.h>
#include <modapi/hosting/questions.h>
#include <modapi/hosting/shared_messages.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace modapi {

/// How a process joins the others.
struct ProcessGroupSettings {
    std::string name = "main";  ///< among the processes; that of one without a worker_name is `main`
    std::string version;        ///< of host and framework
    std::string modules;        ///< a digest of its list of modules
    BackgroundLeaseSettings lease;
    SharedMessages::Settings messages;
    std::chrono::milliseconds heartbeat_every{3000};
    std::chrono::milliseconds name_checked_every{5000};
    std::chrono::milliseconds modules_may_differ = ProcessRegistry::modules_usually_may_differ;  ///< before ProcessRegistry::unhealthy
};

/// One process among those that are one server: all share a PostgreSQL database, and tell each other by a bus. It has the process's name,
/// the messages between processes, the questions, and the lease of background work, and a thread of its own for all of that, which no
/// module can keep from it.
///
/// A host makes one before its workers, and gives it to them (WorkerGroupSettings::processes):
///
///     modapi::ProcessGroup processes(*database, settings.database, std::move(bus), group_settings);
///     workers_settings.processes = &processes;
///
/// A process on SQLite is alone and has none. Thread: the one that makes it, but for what is said to be for any. Lifetime: the database
/// outlives it; it outlives the workers.
class ProcessGroup {
public:
    /// What a process is told of the others.
    struct Handlers {
        /// The lease of background work was won (its fencing number) or lost (0).
        std::function<void(std::int64_t term)> background_term;
        /// This process must end: another one has its name.
        std::function<void(const std::string& why)> must_end;
    };

    /// Makes the tables where they are missing, takes the name, and the lease if it can be had. Blocks. Errors: ProcessNameTaken,
    /// DifferentVersion, DatabaseError; nothing is left then.
    ProcessGroup(Database& database, const DatabaseSettings& database_settings, std::unique_ptr<Bus> bus,
                 ProcessGroupSettings settings);
    /// `stop`s.
    ~ProcessGroup();
    ProcessGroup(const ProcessGroup&) = delete;
    ProcessGroup& operator=(const ProcessGroup&) = delete;

    /// Begins to hear of the others and to keep the lease, on the thread of its own, on which the handlers are called; none of them throws
    /// or waits. Once, after everybody listens to the messages.
    void begin(Handlers handlers);
    /// Calls no handler any more. What it waits for is short.
    void forget_handlers() noexcept;
    /// Gives lease and name back, so that another process has them at once. After the workers' stop; nothing after the first call.
    void stop() noexcept;

    [[nodiscard]] const std::string& name() const noexcept { return own_.name; }
    [[nodiscard]] const std::string& instance() const noexcept { return own_.instance; }
    /// The fencing number of the lease if it is this process's; 0: it is another one's. Thread: any.
    [[nodiscard]] std::int64_t background_term() const noexcept { return lease_.owns() ? lease_.fence() : 0; }
    /// What a transaction of background work of a term needs: that nobody has taken it over since. Lives as long as it is asked.
    [[nodiscard]] static std::shared_ptr<const TransactionCondition> lease_of(std::int64_t term);

    /// Thread: as each says.
    [[nodiscard]] Bus& bus() noexcept { return *bus_; }
    [[nodiscard]] SharedMessages& messages() noexcept { return messages_; }
    [[nodiscard]] Questions& questions() noexcept { return questions_; }
    [[nodiscard]] ProcessRegistry& registry() noexcept { return registry_; }
    [[nodiscard]] BackgroundLease& lease() noexcept { return lease_; }

private:
    struct Thread;

    void enter();
    void keep_lease(bool owns);
    [[nodiscard]] static async::task<void> beat(ProcessGroup& self);
    [[nodiscard]] static async::task<void> watch_name(ProcessGroup& self);
    [[nodiscard]] static async::task<void> end(ProcessGroup& self);

    const ProcessGroupSettings settings_;
    const ProcessIdentity own_;
    std::unique_ptr<Thread> thread_;
    std::unique_ptr<Bus> bus_;
    ProcessRegistry registry_;
    BackgroundLease lease_;
    SharedMessages messages_;
    Questions questions_;
    std::mutex mutex_;
    Handlers handlers_;  ///< under the mutex
};

}  // namespace modapi
