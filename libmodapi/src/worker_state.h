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
    /// Background calls asked for by constructors: they begin when all modules are built, or not at all.
    std::vector<std::function<void()>> waiting_to_begin;
    bool is_constructing = false;
    std::vector<std::unique_ptr<ModuleApi>> apis;
    std::vector<std::shared_ptr<void>> modules;

    void begin_background(std::function<void()> start);
    void invalidated_elsewhere(const CacheInvalidation& invalidation);
    /// Modules from the last to the first, after everything that calls into them.
    void destroy_modules();
};

}  // namespace modapi
