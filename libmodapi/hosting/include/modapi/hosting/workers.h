#pragma once

#include <modapi/hosting/decision_store.h>
#include <modapi/hosting/decisions.h>
#include <modapi/hosting/host_error.h>
#include <modapi/hosting/host_process.h>
#include <modapi/hosting/host_worker.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/module_statistics.h>
#include <modapi/hosting/new_event.h>
#include <modapi/hosting/shutdown_deadline.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <concepts>
#include <csignal>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace modapi {

class ProcessGroup;
class WorkerGroup;

/// Gives a process's answer to a question of another one.
using ProcessAnswering = std::function<async::task<callbacks::JsonDict>(WorkerGroup& workers, callbacks::JsonDict question)>;

/// How a host runs its workers.
struct WorkerGroupSettings {
    int count = 1;  ///< threads with an executor and module instances of its own each
    /// What each worker starts from. Its name, its process's, its kind, watchdog and whether it runs background tasks are filled in.
    WorkerSettings each;
    /// What the process is called among those that share a database, where it isn't the main one; none: it is. Its threads are NAME,
    /// NAME-1, NAME-2, ..., and the same is the worker_name of their modules; those of the main one are `main`, `worker1`, `worker2`, ...,
    /// where modules on the first have no worker_name.
    std::optional<std::string> worker_name{};
    std::string worker_app = "worker";    ///< what kind of program all workers but the main process's first are, for modules
    std::shared_ptr<spdlog::logger> log;  ///< where the framework and modules write (set_log); null: that stays as it is
    /// That one module's blocking work is deferred to, of all its instances; each begins when it is needed.
    std::size_t blocking_threads = WorkerSettings::usual_blocking_threads;
    InvalidationBus* bus = nullptr;       ///< by which workers hear of each other; null: one of this process's own
    /// What this process hears of the others that are one server with it; outlives the workers, which begin and stop it. Null: it is
    /// alone.
    ProcessGroup* processes = nullptr;
    /// What this process says of the host's own to those, by topics (AllProcesses::ask). Called on the thread of `processes`, while the
    /// workers serve; what it awaits may be on a worker.
    std::map<std::string, ProcessAnswering> answers{};
    /// What a stop waits for, from its beginning: requests may end by themselves, then they are cut; then the modules have
    /// `each.stop_deadline`; and when `time_to_stop` is over, the program exits, whatever still holds a thread.
    std::chrono::milliseconds grace{1500};
    std::chrono::milliseconds time_to_stop{4500};
    std::vector<int> signals = {SIGTERM, SIGINT};  ///< that end serve(), where there is no `process`
    /// Whose signals end serve(), and whose deadline is that of the whole program's stop: also of what a host has to end beside its
    /// workers, and of main()'s end. Null: the workers have a deadline of their own.
    HostProcess* process = nullptr;
    /// How many decisions of modules are kept. Where they are to be kept for some time, they are written to `decision_store`; null: a table
    /// of the workers' database.
    DecisionSettings decisions;
    std::shared_ptr<DecisionStore> decision_store;
    /// By what the decisions of this process are told from those of others in the database; empty: its name among `processes`, or where it is
    /// alone the machine's name and the process's number.
    std::string process_name;
    /// Reads what the modules are to be, when they are to change while they serve: SIGHUP, reload(). Empty: they can't. On a thread of
    /// its own; what it refers to outlives the workers. What it throws says why nothing changes.
    std::function<std::vector<ConfiguredModule>()> read_modules{};
};

/// Modules don't change: the workers stop, an earlier change doesn't end, or a host's modules can't.
class ReloadRefused : public std::runtime_error {
public:
    ReloadRefused() : std::runtime_error("the workers are stopping") {}
    using std::runtime_error::runtime_error;
};

/// A worker that doesn't answer.
struct SilentWorker {
    std::string worker;
    std::string module;    ///< whose callback is on its stack; empty: none is known
    std::string callback;  ///< likewise
};

/// What the workers that answered in time said of their modules, each for itself.
struct AnsweredWorkers {
    std::vector<WorkerStatistics> workers;  ///< in their order
    std::vector<SilentWorker> silent;
    std::vector<Decisions::Count> decisions;  ///< of all workers
};

/// Likewise, added up.
struct AnsweredStatistics {
    std::vector<ModuleStatistics> modules;
    std::vector<SilentWorker> silent;
};

/// An entry of `modules:` whose rules were changed while the server runs.
struct ChangedRules {
    std::size_t position = 0;  ///< in the list, from 0
    std::string module;
    std::vector<std::string> later;  ///< the workers that something blocks: they change it as soon as they can
};

/// Worker threads of a host, with their modules: builds them, starts them, and ends them well whatever happens in between.
/// Hosts make a Workers<Host>; this is the part of it that doesn't know the host's class.
///
/// Thread: the one that builds it, but for what is said to be for any. Lifetime: see Workers.
class WorkerGroup {
public:
    WorkerGroup(const WorkerGroup&) = delete;
    WorkerGroup& operator=(const WorkerGroup&) = delete;

    /// Runs what the host does with its workers, `body`, to whose end they stop; best around everything that follows their
    /// making.
    ///
    /// What leaves `body` leaves here too, after all has ended, and is a line of the log before that: a module that blocks the
    /// stop can't swallow it, and the program then exits with 1. Errors: else as of stop().
    void run(const std::function<void()>& body);
    /// Serves until one of the signals comes, request_stop() is called or an exception leaves what runs on a worker's thread;
    /// then calls `on_stop`, which closes what lets clients in, and stops. Runs `front()` meanwhile, on the calling thread.
    ///
    /// Errors: HostError for the first exception that left a worker's thread, `front()` or `on_stop`, after all has ended.
    void serve(const std::function<void()>& on_stop = {});
    /// Ends serve(). Thread: any.
    void request_stop();
    /// Drains all workers, cuts what doesn't end within the grace, stops the modules and ends the threads. Nothing after the
    /// first call. The destructor does it too. Errors: as of serve(); out of the destructor they go into the log.
    void stop();

    /// Reads what the modules are to be (WorkerGroupSettings::read_modules) and has them take the place of those that are asked, while
    /// the workers serve. Whatever goes wrong, nothing changes.
    ///
    /// The steps are those of ModuleHost, each on all workers before the next: the entries that changed are built, their start() and
    /// ready() awaited; the instances whose place they take save() what these restore(); then each call asks the new list. A request
    /// that has begun goes on with the one it found. A second change waits for the first one. `by`: who asked for it, for the log.
    ///
    /// Awaited on a worker. Cancel: the caller doesn't hear of what comes of it, which goes on; a stop ends it. Errors:
    /// ReloadRefused; what read_modules throws; ConfigurationError, in the words of the start.
    [[nodiscard]] async::task<ModuleChanges> reload(std::string by);
    /// Does what reload() does, as SIGHUP. What comes of it is a line of the log. Thread: any.
    void request_reload(std::string by);

    /// What the thread of serve() runs: signals are heard here, and clients accepted, so that no module can keep the host from
    /// either. Sockets of workers may live in its handlers: it ends before their executors.
    [[nodiscard]] boost::asio::io_context& front() noexcept;
    [[nodiscard]] std::size_t size() const noexcept;
    /// The worker at `index`, below size(); 0 is the main one.
    [[nodiscard]] HostWorker& worker(std::size_t index) noexcept;
    /// Those that this process is one server with; null: it is alone. AllProcesses asks them. Thread: any.
    [[nodiscard]] ProcessGroup* processes() const noexcept;
    /// What this process is called among them. Thread: any.
    [[nodiscard]] std::string process() const;

    /// What the modules decided. Thread: any.
    [[nodiscard]] Decisions& decisions() noexcept;
    /// The newest `limit` decisions of those that pass `filter` and stand behind `from`, none: from the newest on; those that are kept
    /// in the database too. Awaited on a worker. Errors: those of the store.
    [[nodiscard]] async::task<DecisionPage> find_decisions(DecisionFilter filter, std::optional<DecisionPlace> from, std::size_t limit);

    /// Tells the modules of all workers of an event that was stored, one worker after the other as NewEvent says. `state`: of its
    /// room, with the event; null: nobody asked for it. Thread: any. Cost: a post for each worker.
    ///
    /// What a module sends because of it is bounded by its cause, which an event has that is made inside of a task:
    ///     workers.on_new_event(std::make_shared<NewEvent>(event, state, Cause::of(co_await async::this_context)));
    /// Tells all workers' modules of an event. `state` is the room's after it.
    void on_new_event(const callbacks::Event& event, const std::shared_ptr<const callbacks::StateMap>& state);
    /// The same of an event that was made inside of a task.
    void on_new_event(const std::shared_ptr<NewEvent>& event);

    /// What the modules of all workers registered and did, added up. Awaited on a worker. Cost: a hop to each worker and back.
    [[nodiscard]] async::task<std::vector<ModuleStatistics>> module_statistics() const;
    /// What module_statistics() gives, of those workers that answer within `limit`, and who doesn't: something blocks its
    /// thread. Awaited on a worker; that limit isn't much longer than it takes.
    [[nodiscard]] async::task<AnsweredStatistics> module_statistics_within(std::chrono::milliseconds limit) const;
    /// What each worker's modules registered and did, and who says nothing, as module_statistics_within().
    [[nodiscard]] async::task<AnsweredWorkers> statistics_by_worker_within(std::chrono::milliseconds limit) const;
    /// What module_statistics() gives, for a thread that is no worker's: it waits.
    [[nodiscard]] std::vector<ModuleStatistics> wait_for_module_statistics() const;
    /// A line in the log for each module: what it registered.
    void log_modules() const;
    /// Changes mode and share of the callbacks of an entry of `modules:` on all workers, from each one's next call on, until the
    /// list is read again. `which`: its position, from 0, or the name of its module. Awaited on a worker; waits for the others
    /// for at most `limit`.
    ///
    /// Errors, and then nothing changes: SynapseError 404 `M_NOT_FOUND` for an entry that isn't there or doesn't run in this process, 400 `M_INVALID_PARAM` for a
    /// name that several have, and for what the entry's callbacks can't have, with their names.
    [[nodiscard]] async::task<ChangedRules> change_rules(std::string which, RuleChange change, std::chrono::milliseconds limit);

protected:
    using Factory = std::function<std::unique_ptr<HostWorker>(const WorkerContext& place)>;
    using Operation = std::function<async::task<void>(HostWorker& host)>;

    WorkerGroup(WorkerGroupSettings settings, Database& database, const std::vector<ConfiguredModule>& modules,
                const Factory& factory);
    ~WorkerGroup();

    /// Runs an operation on the worker at `index`.
    void run_on(std::size_t index, const Operation& operation);

private:
    struct Thread;
    struct State;
    class Reloads;

    void build(const std::vector<ConfiguredModule>& modules, Database& database, const Factory& factory);
    static std::string process_name_of(const WorkerGroupSettings& settings);
    void open_decision_store(Database& database);
    void start_to_keep_decisions();
    static void build_modules(Thread& thread, const std::vector<ConfiguredModule>& modules);
    void start_modules();
    void start_threads();
    void join_processes(Database& database);
    void answer(ProcessGroup& processes, const std::string& topic, const ProcessAnswering& answering);
    void change_background_term(std::int64_t term);
    void abandon(const HostError& failure);
    void run_thread(Thread& thread);
    void fail(const HostError& failure);
    void fail_on(const Thread& thread, const std::exception_ptr& failure) noexcept;
    void end_all(const std::function<void()>& on_stop);
    void stop_for(const std::function<void()>& on_stop, bool is_failure = false);
    void forget_process();
    void await_reload_signal();
    void on_each(async::task<void> (*step)(Thread&, std::chrono::milliseconds), std::string_view what);
    static async::task<void> drain(Thread& thread, std::chrono::milliseconds grace);
    static async::task<void> end(Thread& thread, std::chrono::milliseconds grace);
    static void cut(void* host);
    static HostError described(HostPhase phase, const Thread* thread, const std::exception_ptr& failure);

    std::unique_ptr<State> state_;
};

/// The worker threads of a host whose part of each worker is a `Host`, which derives from HostWorker.
///
///     modapi::Workers<Server> workers(settings, *database, modules);
///     workers.run([&] { workers.serve(); });
///
/// The constructor builds every worker on the calling thread, first its Host, then its modules, then awaits the start() of all
/// modules, one worker after the other, and starts the threads. A Host is built from its WorkerContext, or by a factory of the
/// host's own. Errors: HostError, whose what() is the line for the operator; what was started before has been stopped then.
///
/// However it ends, by serve(), stop(), a failure or an exception that leaves the scope it stands in, workers are drained,
/// modules stopped and threads joined before the destructor returns; what holds a thread is left behind after `time_to_stop`:
/// the program then exits with 0, or with 1 on the way out of a failure.
///
/// Lifetime: database, and what the Hosts refer to, outlive it.
template <class Host>
class Workers final : public WorkerGroup {
public:
    using HostFactory = std::function<std::unique_ptr<Host>(const WorkerContext& place)>;

    Workers(WorkerGroupSettings settings, Database& database, const std::vector<ConfiguredModule>& modules)
        : Workers(std::move(settings), database, modules,
                  [](const WorkerContext& place) { return std::make_unique<Host>(place); }) {}
    Workers(WorkerGroupSettings settings, Database& database, const std::vector<ConfiguredModule>& modules,
            const HostFactory& factory)
        : WorkerGroup(std::move(settings), database, modules,
                      [&](const WorkerContext& place) -> std::unique_ptr<HostWorker> { return factory(place); }) {
        static_assert(std::derived_from<Host, HostWorker>, "a host's part of a worker derives from modapi::HostWorker");
    }

    [[nodiscard]] Host& operator[](std::size_t index) noexcept { return static_cast<Host&>(worker(index)); }

    /// Runs an operation, `function(host, arguments...)` or a member function of the host's, on a worker's thread, waits for it
    /// and gives its result.
    ///
    /// For what a program does before and beside serving; from a thread that is no worker's. Errors: HostError that names the
    /// worker and, where a module's callback threw it, module and callback; its cause() is the exception itself. A stop cuts
    /// it.
    template <class Function, class... Arguments>
    auto call(std::size_t index, Function function, Arguments... arguments) {
        using Result = decltype(result_of(std::invoke(function, std::declval<Host&>(), std::move(arguments)...)));
        if constexpr (std::is_void_v<Result>) {
            run_on(index,
                   [&](HostWorker& host) { return std::invoke(function, static_cast<Host&>(host), std::move(arguments)...); });
        } else {
            std::optional<Result> result;
            run_on(index, [&](HostWorker& host) {
                return keep<Result>(&result, std::invoke(function, static_cast<Host&>(host), std::move(arguments)...));
            });
            return std::move(*result);
        }
    }

private:
    template <class T>
    static T result_of(async::task<T> task);
    template <class T>
    static async::task<void> keep(std::optional<T>* into, async::task<T> operation) {
        T produced = co_await std::move(operation);
        into->emplace(std::move(produced));
    }
};

}  // namespace modapi
