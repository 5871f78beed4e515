#pragma once

#include "callback_log.h"

#include <modapi/module_api.h>
#include <modapi/worker.h>

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
    ConfigurationPath path;  ///< its entry in the configuration
    ModuleDefinition definition;
    std::shared_ptr<void> object;
    bool is_started = false;
    /// Who is on the stack meanwhile; a watchdog reads them.
    std::unique_ptr<async::callback_identity> starting;
    std::unique_ptr<async::callback_identity> stopping;
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
    std::map<std::string, async::cached_function*> cached_functions;  // by `module name.function name`
    std::size_t subscription = 0;
    async::scope background;
    /// Background calls asked for by constructors and starts: they begin when all modules have started, or not at all.
    std::vector<std::function<void()>> waiting_to_begin;
    bool has_started = false;
    std::vector<std::unique_ptr<ModuleApi>> apis;
    std::vector<ModuleInstance> modules;

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
