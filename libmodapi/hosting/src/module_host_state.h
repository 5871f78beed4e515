#pragma once

#include "callback_log.h"
#include "module_border.h"

#include <modapi/hosting/blocking_threads.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/module_host.h>
#include <modapi/module_api.h>

#include <async/callback_frame.h>
#include <async/waiting_runs.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// A module that was built, and what there is to know of it until it is destroyed.
struct ModuleInstance {
    using Function = async::task<void> (*)(void* module);

    ConfiguredModule configured;
    ModuleDefinition definition;  ///< the resolver that has configured.definition may be gone
    std::shared_ptr<void> object;
    bool is_started = false;
    /// Who is on the stack meanwhile; a watchdog reads them.
    std::unique_ptr<async::callback_identity> constructing;
    std::unique_ptr<async::callback_identity> destroying;
    std::unique_ptr<async::callback_identity> starting;
    std::unique_ptr<async::callback_identity> becoming_ready;
    std::unique_ptr<async::callback_identity> stopping;
};

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

/// Why a module didn't begin. The module may be gone by the time it is told.
struct BeginFailure {
    ConfiguredModule module;
    std::string callback;            ///< start or ready
    std::vector<std::string> place;  ///< the key of the module's configuration that it is about, if it names one
    std::string message;
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
    std::vector<std::unique_ptr<ModuleApi>> apis;  // of the modules, in their order
    std::vector<ModuleInstance> modules;

    /// Runs a module's start or ready, null for none; none: nothing went wrong.
    [[nodiscard]] async::task<std::optional<BeginFailure>> begin_module(ModuleInstance& module,
                                                                        ModuleInstance::Function function,
                                                                        async::callback_identity& what);
    /// Those that were started, the last one first. What goes wrong is logged.
    [[nodiscard]] async::task<void> stop_modules();
    /// Modules from the last to the first, after everything that calls into them.
    void destroy_modules();
};

}  // namespace modapi
