#pragma once

#include "callback_log.h"

#include <modapi/module_api.h>
#include <modapi/worker.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace modapi {

/// A module that was built, and what there is to know of it until it is destroyed.
struct ModuleInstance {
    using Function = async::task<void> (*)(void* module);

    std::string name;
    ConfigurationPath path;         ///< its entry in the configuration
    std::filesystem::path library;  ///< empty: compiled in
    ModuleDefinition definition;
    std::shared_ptr<void> object;
    bool is_started = false;
    /// Who is on the stack meanwhile; a watchdog reads them.
    std::unique_ptr<async::callback_identity> starting;
    std::unique_ptr<async::callback_identity> stopping;
};

/// What a module registered by its ModuleApi, for who asks what it does. All of it ends with the module.
struct ModuleRegistrations {
    std::vector<const async::callback_identity*> callbacks;
    std::vector<std::string> web_resources;
    std::vector<const async::cached_function*> cached_functions;
    const async::callback_identity* background = nullptr;  ///< of its background calls
};

/// What a worker and its modules' ModuleApi objects share. The members are destroyed from the last to the first.
struct Worker::State {
    State(Homeserver& host, const async::environment& surroundings, Database& data, InvalidationBus& invalidations,
          boost::asio::any_io_executor pool, WorkerSettings how);
    ~State();

    Homeserver& server;
    const async::environment& where;
    Database& database;
    InvalidationBus& bus;
    boost::asio::any_io_executor blocking_pool;
    WorkerSettings settings;

    CallbackLog log;
    async::dispatch_settings dispatch_settings;
    callbacks::Dispatchers hooks;
    WebResources resources;
    std::map<std::string, async::cached_function*> cached_functions;  // by name_of
    std::size_t subscription = 0;
    async::scope background;
    /// Background calls asked for by constructors and starts: they begin when all modules have started, or not at all.
    std::vector<std::function<void()>> waiting_to_begin;
    bool has_started = false;
    std::map<const ModuleApi*, ModuleRegistrations> registrations;
    std::vector<std::unique_ptr<ModuleApi>> apis;  // of the modules, in their order
    std::vector<ModuleInstance> modules;

    /// What workers call a module's cached function among themselves: `module name.function name`. Of a module that is listed
    /// more than once each entry has its own, `module name#2.function name`.
    [[nodiscard]] std::string name_of(const ModuleApi& module, const async::cached_function& function) const;
    /// Notes that the callbacks that nobody has registered so far are this module's.
    void note_callbacks(const ModuleApi& by);
    /// Of those that were started, the last one first. What goes wrong is logged.
    [[nodiscard]] async::task<void> stop_modules();
    void begin_background(std::function<void()> start);
    /// Of cached functions that nobody calls: a call drops what is too old by itself.
    [[nodiscard]] async::task<void> drop_expired_entries();
    void invalidated_elsewhere(const CacheInvalidation& invalidation);
    /// Modules from the last to the first, after everything that calls into them.
    void destroy_modules();
};

}  // namespace modapi
