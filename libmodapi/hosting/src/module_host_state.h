#pragma once

#include "callback_log.h"
#include "module_border.h"
#include "requests_under_way.h"

#include <modapi/hosting/blocking_threads.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/module_host.h>
#include <modapi/module_api.h>

#include <async/callback_frame.h>
#include <async/scope.h>
#include <async/waiting_runs.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// An instance of a module, and what there is to know of it until it is destroyed. The members are destroyed from the last to the
/// first.
struct ModuleInstance {
    using Function = async::task<void> (*)(void* module);

    explicit ModuleInstance(const ConfiguredModule& entry);
    [[nodiscard]] const ModuleDefinition& definition() const noexcept { return *configured.definition; }
    /// It goes on for an entry that was read later, and is the same.
    void take_over(const ConfiguredModule& entry);
    /// Its section as an operator may see it; made anew when the module has declared more secrets.
    [[nodiscard]] const std::shared_ptr<const callbacks::JsonDict>& masked_config();

    ConfiguredModule configured;
    std::size_t position = 0;  ///< of its entry in the list
    std::shared_ptr<const callbacks::JsonDict> masked;
    std::size_t masked_secrets = 0;
    bool is_prepared = false;                ///< `prepared` is what it is built from
    std::shared_ptr<const void> prepared;
    bool is_started = false;
    /// Who is on the stack meanwhile; a watchdog reads them.
    async::callback_identity preparing;
    async::callback_identity constructing;
    async::callback_identity destroying;
    async::callback_identity starting;
    async::callback_identity becoming_ready;
    async::callback_identity stopping;
    async::callback_identity saving;
    async::callback_identity restoring;
    std::unique_ptr<ModuleRegistrations> registered;
    std::unique_ptr<ModuleApi> api;
    std::shared_ptr<void> object;
};
using ModuleInstances = std::vector<std::unique_ptr<ModuleInstance>>;  ///< in the order of the configuration, those that run here

/// Runs what isn't a coroutine in the name of a module: until it ends, that is what is on the stack.
class InNameOf {
public:
    InNameOf(const async::environment& where, const async::callback_identity& what) : here_(where), frame_(here_) {
        frame_.enter(what);
    }
    ~InNameOf() { frame_.leave(); }
    InNameOf(const InNameOf&) = delete;
    InNameOf& operator=(const InNameOf&) = delete;

private:
    async::context here_;
    async::callback_frame frame_;
};

/// Which one of the entries of its module it is that stands at this position of a list, from 1. `names`: of all entries' modules.
[[nodiscard]] int entry_in(const std::vector<std::string>& names, std::size_t position);

/// Why a module couldn't be prepared, or didn't begin. The module may be gone by the time it is told.
struct BeginFailure {
    ConfiguredModule module;
    std::string callback;            ///< start or ready; empty: it couldn't be prepared
    std::vector<std::string> place;  ///< the key of the module's configuration that it is about, if it names one
    std::string message;
};

/// An entry of a list of modules that is to take the other's place.
struct NextModule {
    ConfiguredModule configured;
    std::size_t position = 0;              ///< in that list
    ModuleInstance* kept = nullptr;        ///< the instance that goes on; null: there is a new one
    ModuleInstance* predecessor = nullptr;  ///< whose place the new one takes; null: nobody's
    std::unique_ptr<ModuleInstance> made;
};

/// Modules that are prepared or built, and not asked yet.
struct NextModules {
    std::vector<std::string> names;  ///< of the modules of all entries
    std::vector<NextModule> modules;  ///< that run here
    BackgroundTerm term;
    ModuleLists lists;  ///< of all of them, those that are kept too
};

/// Modules that aren't asked any more, until what they have under way has ended. The members are destroyed from the last to the
/// first.
struct RetiredModules {
    ModuleInstances instances;
    ModuleLists lists;                          ///< what calls found that began before
    std::unique_ptr<async::scope> shadow_runs;  ///< that began before
    std::uint32_t generation = 0;               ///< of the last of these calls
};

/// The members are destroyed from the last to the first.
struct ModuleHost::State {
    State(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
          std::unique_ptr<BlockingThreads> own, BlockingThreads& threads, WorkerSettings how);
    ~State();

    WorkerSettings settings;
    std::unique_ptr<BlockingThreads> own_threads;  ///< where no workers share them
    CallbackLog callback_log;
    ModuleBorder border;
    async::waiting_runs waiting;  // of callbacks and web resources
    ModuleEnvironment environment;
    std::unique_ptr<Broadcasts> own_broadcasts;  ///< where no workers share them
    RequestsUnderWay requests_of_resources;
    BackgroundTerm term;
    std::uint64_t instances_made = 0;
    std::vector<std::string> names;           ///< of the modules of all entries, also those that don't run here
    ModuleInstances modules;                  ///< that are asked
    std::optional<NextModules> next;          ///< that will be
    std::vector<RetiredModules*> retired;     ///< that were; `retiring` has them
    async::scope retiring;

    [[nodiscard]] std::string worker() const { return settings.worker_name.value_or(std::string()); }
    [[nodiscard]] bool runs_here(const ConfiguredModule& entry, const BackgroundTerm& in_term) const noexcept {
        return entry.placement.runs_on(settings.process_name, in_term.number != 0);
    }
    /// Of the entry at this position; null: it doesn't run here.
    [[nodiscard]] ModuleInstance* instance_at(std::size_t position) const noexcept;
    /// Makes room for an instance that registers with `lists`.
    ModuleInstance& make_room(std::unique_ptr<ModuleInstance>& place, const ConfiguredModule& configured, ModuleLists& lists,
                              std::string name_among_workers, const BackgroundTerm& for_term);
    /// Makes room for those of this list that run here.
    void make_room_for(const std::vector<ConfiguredModule>& list);
    /// Likewise for those that are to take the others' place.
    ModuleChanges make_room_for_next(const std::vector<ConfiguredModule>& list, const BackgroundTerm& for_term);
    /// Awaits what has to be before they can be built, to the first that fails; none: nothing went wrong. Errors: cancellation.
    [[nodiscard]] async::task<std::optional<BeginFailure>> prepare(std::vector<ModuleInstance*> instances);
    /// Builds it. Errors: ConfigurationError; what it has registered is still there.
    void construct(ModuleInstance& module);
    /// Builds all of them in their order.
    void construct_all();
    void construct_all_of_next();
    /// Ends what isn't asked, or not asked any more, and has nothing under way: its lists are gone by now.
    void destroy(ModuleInstance& module);
    void destroy_from_last(ModuleInstances& instances);
    /// Before something ends by whose name a run was known: nobody reads it after this.
    void let_watchdog_forget();
    /// Runs a module's start or ready, null for none; none: nothing went wrong.
    [[nodiscard]] async::task<std::optional<BeginFailure>> begin_module(ModuleInstance& module,
                                                                        ModuleInstance::Function function,
                                                                        async::callback_identity& what);
    /// The start() of each, then the ready() of each, to the first that fails; none: nothing went wrong.
    [[nodiscard]] async::task<std::optional<BeginFailure>> begin_modules(std::vector<ModuleInstance*> instances);
    /// Those that were started, the last one first. What goes wrong is logged.
    [[nodiscard]] async::task<void> stop_modules(std::vector<ModuleInstance*> instances);
    /// Waits for what these have under way beside callbacks, which is cancelled.
    [[nodiscard]] static async::task<void> join_background(std::vector<ModuleInstance*> instances);
    /// Waits for what threads still do in the name of these.
    [[nodiscard]] static async::task<void> join_threads(std::vector<ModuleInstance*> instances);
    /// Modules from the last to the first, after everything that calls into them.
    void destroy_modules();

    /// Ends modules whose place others have taken, once nothing uses them.
    [[nodiscard]] static async::task<void> retire(State& self, std::unique_ptr<RetiredModules> old);
    void discard_next();
};

/// Those of a list, in its order.
[[nodiscard]] std::vector<ModuleInstance*> pointers_to(const ModuleInstances& instances);

}  // namespace modapi
