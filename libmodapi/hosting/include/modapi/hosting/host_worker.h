#pragma once

#include <modapi/hosting/module_host.h>
#include <modapi/hosting/new_event.h>

#include <callbacks/event.h>

#include <async/context.h>
#include <async/notification.h>
#include <async/scope.h>
#include <async/task.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

namespace modapi {

class WorkerGroup;

/// Where a worker of a host is built: what modapi::Workers has made for it. All references outlive the worker.
struct WorkerContext {
    std::size_t index;  ///< 0: the main worker
    std::string name;   ///< `main`, `worker1`, `worker2`, ..., or those of a process that has a name (WorkerGroupSettings)
    const async::environment& where;
    Database& database;
    InvalidationBus& bus;
    BlockingThreads& blocking_threads;  ///< for what modules defer to threads
    WorkerSettings settings;
    WorkerGroup& workers;  ///< being built: its functions are for later
};

/// One worker of a host: its modules, and whatever the host makes for each of its threads. Derive from it, override what the
/// host offers to its modules (modapi::Homeserver) and, where there is something to do, the four steps of its life.
///
///     class Server : public modapi::HostWorker {
///     public:
///         explicit Server(const modapi::WorkerContext& place) : HostWorker(place) {}
///         const std::string& server_name() const noexcept override { return name_; }
///         ...
///
/// Thread: the worker's, but for the constructor, begin() and what is said to be for any. Lifetime: that of modapi::Workers;
/// after its stop nothing runs here any more. The members of a derived class end before the modules are forgotten and after
/// they were stopped.
class HostWorker : public Homeserver {
public:
    ~HostWorker() override;
    HostWorker(const HostWorker&) = delete;
    HostWorker& operator=(const HostWorker&) = delete;

    [[nodiscard]] ModuleHost& modules() noexcept { return modules_; }
    [[nodiscard]] const ModuleHost& modules() const noexcept { return modules_; }
    /// All callbacks of all modules.
    [[nodiscard]] callbacks::Dispatchers& hooks() noexcept { return modules_.hooks(); }
    /// Work that goes on after its request was answered. It may end by itself when the host stops, until the grace is over.
    [[nodiscard]] async::scope& background() noexcept { return background_; }
    [[nodiscard]] const async::environment& where() const noexcept { return where_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Whether background tasks of the whole host are this worker's. Where several processes are one host that may change.
    [[nodiscard]] bool is_main() const noexcept { return modules_.runs_background_tasks(); }

    /// Tells this worker's modules of an event that was stored, in the background; nothing where none listens. A host of
    /// several workers tells all of them: WorkerGroup::on_new_event.
    void run_on_new_event(callbacks::Event event, std::shared_ptr<const callbacks::StateMap> state);
    /// Likewise of one that all workers are told of: as soon as no other worker is in the middle of that.
    void run_on_new_event(std::shared_ptr<NewEvent> event);

protected:
    explicit HostWorker(const WorkerContext& place);

    /// After the start of all modules, before any worker's thread runs; on the thread that builds. What it throws fails the
    /// start.
    virtual void begin() {}
    /// Other modules are asked from now on (WorkerGroup::reload). Must not throw.
    virtual void modules_changed() noexcept {}
    /// Background tasks are this worker's from now on, or aren't any more: is_main() has changed. Not called for what is so at the start.
    virtual void background_tasks_changed() {}
    /// The host stops: takes nothing new in and lets what runs here end.
    [[nodiscard]] virtual async::task<void> drain();
    /// Draining takes longer than the host's grace: cuts what still runs, so that drain() ends. Must not throw.
    virtual void cut() noexcept {}
    /// After all workers were drained, before the modules stop: ends everything else that calls into them. Also of a worker
    /// whose thread never ran, because the start failed; then on the thread that built it.
    [[nodiscard]] virtual async::task<void> end();

private:
    friend class WorkerGroup;

    void tell_of_next_events();
    [[nodiscard]] async::task<void> told_of_all_events();
    void forget_events();

    std::string name_;
    const async::environment& where_;
    ModuleHost modules_;
    async::scope background_;
    std::deque<std::shared_ptr<NewEvent>> new_events_;  // that the modules weren't told of yet
    bool waits_for_another_worker_ = false;             // which tells its modules of the first of them
    async::notification all_told_;
};

}  // namespace modapi
