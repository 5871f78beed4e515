#pragma once

#include <modapi/database.h>
#include <modapi/hosting/blocking_threads.h>
#include <modapi/hosting/cache_settings.h>
#include <modapi/hosting/cause.h>
#include <modapi/hosting/configuration.h>
#include <modapi/hosting/homeserver.h>
#include <modapi/hosting/invalidation_bus.h>
#include <modapi/hosting/broadcasts.h>
#include <modapi/hosting/module_registrations.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/module_statistics.h>
#include <modapi/hosting/rule_change.h>
#include <modapi/hosting/shared_invalidations.h>
#include <modapi/http_client.h>
#include <modapi/web_resource.h>

#include <callbacks/dispatchers.h>

#include <async/context.h>
#include <async/scope.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

class Decisions;
class Watchdog;

/// What callbacks of modules may take, as the operator's file says it.
struct CallbackLimits {
    std::chrono::milliseconds slow_callback{1000};           ///< runs that take longer are warned about
    std::chrono::milliseconds callback_deadline{60'000};     ///< longer runs are cut; 0: never
    /// What run_db_interaction takes longer for is cut, and what defer_to_thread takes longer for is given up; 0: never.
    std::chrono::milliseconds interaction_deadline{60'000};
    std::chrono::milliseconds web_resource_deadline{60'000};  ///< requests that a web resource takes longer for are cut
    std::size_t web_resource_requests = 100;                  ///< that one module's answer at once on a worker; 0: any number
};

/// How one worker runs.
struct WorkerSettings {
    static constexpr std::size_t usual_blocking_threads = 8;  ///< of each module

    std::optional<std::string> worker_name;              ///< none: the main worker
    std::optional<std::string> worker_app;               ///< what kind of program it is; none: the main worker
    bool run_background_tasks = true;                    ///< true on exactly one worker
    /// Where another process can take background tasks over: the term that begins with the start, if they are run here.
    BackgroundTerm background_term;
    SharedInvalidations* shared_invalidations = nullptr;  ///< for other processes; outlives the worker. Null: there are none
    Broadcasts* broadcasts = nullptr;                     ///< between all workers; outlives this one. Null: it hears itself
    std::string process_name;                            ///< as entries' `run_on` has it; empty: `main`
    WorkerPlace place;                                   ///< among the workers that hear of each other's events
    std::chrono::milliseconds slow_callback{1000};       ///< runs of a callback that take longer are warned about, and while they wait
    std::chrono::milliseconds callback_deadline{0};      ///< longer runs of a callback are cut, within a second; 0: never
    /// What a module's run_db_interaction takes longer for is cut, and what its defer_to_thread takes longer for is given up,
    /// once all modules have started; 0: never.
    std::chrono::milliseconds interaction_deadline{0};
    std::chrono::milliseconds web_resource_deadline{0};  ///< requests that a web resource takes longer for are cut; 0: never
    /// That the web resources of one module, whatever its entries, are answering at once; 0: any number.
    std::size_t web_resource_requests = 0;
    std::chrono::milliseconds blocked_thread{2000};      ///< a callback that keeps its thread for longer is named in the log
    std::chrono::milliseconds start_deadline{60000};     ///< a preparation, start() or ready() that takes longer fails the start
    std::chrono::milliseconds stop_deadline{2000};       ///< for the stop() of all modules together; then they are cut
    HttpClientSettings http_client;
    CacheSettings caches;  ///< of the functions that modules register
    /// What the host serves itself, each with everything below it: no module's web resource may be there or above.
    std::vector<std::string> reserved_paths = WebResources::usual_reserved_paths();
    /// Watches this worker's thread, if its environment is observed by an async::running_callback_mark; outlives it.
    /// Null: nobody does, and runs that wait are named only if they have a deadline.
    Watchdog* watchdog = nullptr;
    /// Where the decisions of this worker's modules are noted; outlives it. Null: nowhere.
    Decisions* decisions = nullptr;

    /// How long callbacks may take from now on.
    void limit(const CallbackLimits& limits) noexcept {
        slow_callback = limits.slow_callback;
        callback_deadline = limits.callback_deadline;
        interaction_deadline = limits.interaction_deadline;
        web_resource_deadline = limits.web_resource_deadline;
        web_resource_requests = limits.web_resource_requests;
    }
};

/// What becomes of modules when another list of them takes the place of theirs, by their names, one for each entry.
struct ModuleChanges {
    std::vector<std::string> kept;      ///< the same instance goes on: nothing of its entry has changed
    std::vector<std::string> replaced;  ///< a new instance of the same name
    std::vector<std::string> added;
    std::vector<std::string> removed;
};

/// One thread's share of the module system: its module instances, their callbacks, resources, caches and background calls.
///
///     async::environment environment(io.get_executor());
///     async::running_callback_mark mark;
///     environment.observer = &mark;                       // and settings.watchdog, to have blocked threads named
///     modapi::ModuleHost modules(server, environment, database, bus, threads, settings);
///     co_await modules.prepare_modules(configured);       // before the listeners open, as the next two
///     modules.construct_modules();
///     co_await modules.start_modules();
///     const callbacks::Verdict verdict = co_await modules.hooks().spam_checker.check_event_for_spam(event);
///     co_await modules.stop();                            // after the last request
///
/// modapi::Workers does all of that for as many threads as a host has.
///
/// Thread: everything on the environment's executor (construct_modules perhaps before it runs). Lifetime: server, environment,
/// database, bus and threads outlive it; stop() was awaited before it is destroyed.
class ModuleHost {
public:
    ModuleHost(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
               BlockingThreads& threads, WorkerSettings settings);
    /// With threads of its own in the place of the executor.
    [[deprecated("ModuleHost(server, where, database, bus, threads, settings)")]] ModuleHost(
        Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
        const boost::asio::any_io_executor& blocking_pool, WorkerSettings settings);
    ~ModuleHost();
    ModuleHost(const ModuleHost&) = delete;
    ModuleHost& operator=(const ModuleHost&) = delete;

    /// Awaits what has to be before modules can be built (ModuleDefinition::prepare) of every module that runs here
    /// (ConfiguredModule::placement), one after another in order. construct_modules is next, also where there was nothing to
    /// await.
    ///
    /// Errors: ConfigurationError that names file, line and module, also for one that takes longer than `start_deadline`; a
    /// cancellation. What was prepared has ended then.
    [[nodiscard]] async::task<void> prepare_modules(std::vector<ConfiguredModule> modules);
    /// Builds every module that was prepared, in order, and closes the registration of web resources. A constructor's exception
    /// becomes a ConfigurationError that names file, line and module, and the worker unless it is the main one; stop() ends
    /// what was prepared and built then.
    void construct_modules();
    /// Both for modules of which none has to be prepared, before the executor runs too. Errors: as above, ConfigurationError
    /// also for one that has to be; nothing is left half built. Not called, or failed: stop() need not be awaited.
    void construct_modules(const std::vector<ConfiguredModule>& modules);
    /// The former form: `modules` says where each entry stands.
    [[deprecated("construct_modules(modules)")]] void construct_modules(const ConfigurationFile& file,
                                                                        std::vector<ConfiguredModule> modules);

    /// Once, after construct_modules: awaits the start() of every module that has one, in order, then the ready() of every
    /// module that has one, in that order, then starts the background calls that the modules asked for.
    ///
    /// Errors: ConfigurationError that names file, line and module, for a start() or ready() that throws or takes longer than
    /// `start_deadline`; the modules that were started were stopped then, and all are destroyed. One that blocks its thread
    /// can't be cut: the watchdog names it.
    [[nodiscard]] async::task<void> start_modules();
    /// The former form.
    [[deprecated("start_modules()")]] [[nodiscard]] async::task<void> start_modules(const ConfigurationFile&) {
        return start_modules();
    }

    /// Cancels background calls and waits for them, awaits the stop() of every started module that has one, the last module
    /// first, and destroys the modules in that order. Their callbacks, resources and cached functions are gone with them.
    ///
    /// A stop() that throws or is cut after `stop_deadline` is logged, and the others go on. A background call or a stop() that
    /// blocks its thread is waited for. May be awaited again once it has ended.
    [[nodiscard]] async::task<void> stop();

    /// The five steps by which other modules take the place of those that are asked, while the host serves; each is made on all
    /// workers before the next. Entries that didn't change (ConfiguredModule::is_same_as) keep their instance. WorkerGroup::reload
    /// makes them.
    ///
    /// Awaits what has to be before the others that run here can be built, one after another. Those that are asked go on.
    /// Errors: as of prepare_modules; abandon_next is next then. Once before the next step.
    /// `term`: that these modules are for; the instances of another one are built anew, since they ask for it in their constructors.
    [[nodiscard]] async::task<ModuleChanges> prepare_next(std::vector<ConfiguredModule> modules, BackgroundTerm term);
    /// Likewise for the term that this worker has.
    [[nodiscard]] async::task<ModuleChanges> prepare_next(std::vector<ConfiguredModule> modules);
    /// Builds them, and nobody asks them yet. Errors: as of construct_modules, ConfigurationError also for callbacks that can't
    /// be beside those of an instance that is kept; abandon_next is next then.
    void build_next();
    /// Both steps for modules of which none has to be prepared. Errors: likewise, also for one that has to be; nothing has
    /// changed then.
    ModuleChanges build_next(const std::vector<ConfiguredModule>& modules, const BackgroundTerm& term);
    /// Likewise for the term that this worker has.
    ModuleChanges build_next(const std::vector<ConfiguredModule>& modules);
    /// Awaits the start() of those that were built, then their ready(). Errors: as of start_modules; abandon_next is next then.
    [[nodiscard]] async::task<void> start_next();
    /// Has each predecessor save() and its successor restore() that. Errors: ConfigurationError for what either throws; abandon_next
    /// is next then.
    void hand_over();
    /// From now on each call asks the new list; one that has begun goes on with the old one. New resources, cached functions and
    /// background calls begin, old background calls are cancelled. Instances that aren't in the new list end when the last call that
    /// may use them has: their stop() is awaited, for `stop_deadline` together, and they are destroyed. stop() waits for that.
    /// Thread, as of all: the worker's. Errors: std::bad_alloc.
    void serve_next();
    /// After an error of another worker's, or of a step before serve_next: awaits the stop() of those that were started, ends
    /// what was prepared, and destroys what was built. There is nothing of that: nothing.
    [[nodiscard]] async::task<void> abandon_next();

    /// The term of background tasks that this worker has; what it refers to lives as long as it is asked by anybody.
    [[nodiscard]] const BackgroundTerm& background_term() const noexcept;
    /// The term has ended: modules that ask are told so, and what their background calls want to write is refused. Others are to take
    /// their place.
    void end_background_term() noexcept;
    [[nodiscard]] bool runs_background_tasks() const noexcept { return background_term().number != 0; }

    /// All callbacks of all modules.
    [[nodiscard]] callbacks::Dispatchers& hooks() noexcept;
    [[nodiscard]] const WebResources& web_resources() const noexcept;
    /// Has a module's web resource answer a request; none: no module serves that path. `request` outlives the task.
    ///
    /// As callbacks are, it is counted, watched, warned about when it is slow, and cut after `web_resource_deadline`: 504.
    /// Beyond `web_resource_requests` of the module it isn't asked, nor counted: 503 with Retry-After. A host has it cancelled
    /// when its client is gone (PeerWatch); what the resource waits for ends then. Errors: a failure is logged with the
    /// module's name and answered as error_response says; only the cancellation of the caller leaves.
    [[nodiscard]] async::task<std::optional<Response>> serve(const Request& request);
    /// Which callback of which module threw this exception, of those that leave a hook; null: none of the last ones. Until
    /// stop(). For the line that says why an operation failed.
    [[nodiscard]] const async::callback_identity* origin_of(const std::exception_ptr& failure) const noexcept;
    [[nodiscard]] Homeserver& homeserver() noexcept;
    [[nodiscard]] Database& database() noexcept;
    [[nodiscard]] const async::environment& environment() const noexcept;
    [[nodiscard]] const WorkerSettings& settings() const noexcept;

    /// What each entry of the configuration that runs here registered and what came of it, in the configuration's order. A host of
    /// several workers asks each on its own thread and adds them up.
    [[nodiscard]] std::vector<ModuleStatistics> module_statistics() const;

    /// The module of the entry at this position of the list, from 0; empty: there is no such entry.
    [[nodiscard]] std::string module_at(std::size_t position) const;
    /// Where the entries of this module stand in the list.
    [[nodiscard]] std::vector<std::size_t> positions_of(std::string_view module) const;
    /// Whether there is an instance of the entry at this position here.
    [[nodiscard]] bool runs(std::size_t position) const noexcept;
    /// What is wrong with such a change for the entry at this position, which runs here; empty: nothing.
    [[nodiscard]] std::string refusal_of(std::size_t position, const RuleChange& change) const;
    /// Changes mode and share of an entry's callbacks, from their next call on; also of those that had no rules, which have limits
    /// from then on and cost what that costs. As far as the entry can have it. Nothing if another module stands there now, or it doesn't run here.
    void change_rules(std::size_t position, std::string_view module, const RuleChange& change);
    /// Gives all callbacks the mode and the share of their entries again.
    void restore_rules();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace modapi
