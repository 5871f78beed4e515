#pragma once

#include <modapi/database.h>
#include <modapi/hosting/cause.h>
#include <modapi/hosting/deferred_calls.h>
#include <modapi/hosting/homeserver.h>
#include <modapi/hosting/module_caches.h>
#include <modapi/hosting/module_registrations.h>
#include <modapi/hosting/shadow_runs.h>
#include <modapi/http_client.h>
#include <modapi/web_resource.h>

#include <callbacks/dispatchers.h>

#include <async/context.h>
#include <async/scope.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// What a worker gives to its modules' ModuleApi objects, and what these leave there. The worker fills in the first half before
/// it builds the first module.
///
/// Thread: the worker's. Lifetime: outlives the modules and their ModuleApi objects; what it refers to outlives it. The scopes
/// were joined before it is destroyed.
struct ModuleEnvironment {
    ModuleEnvironment(Homeserver& host, const async::environment& surroundings, Database& data, InvalidationBus& bus,
                      CallingThreads& threads);

    // Given.
    Homeserver& server;
    const async::environment& where;
    Database& database;
    std::optional<std::string> worker_name;  ///< none: the main worker
    std::optional<std::string> worker_app;   ///< none: the main worker
    bool run_background_tasks = true;
    WorkerPlace place;
    HttpClientSettings http_client;
    InteractionLimit interaction_deadline;  ///< of modules' writing interactions and deferred calls, once all have started
    async::dispatch_settings dispatch_settings;
    /// Tells a cached function what the operator says of it, when it is registered. Empty: nothing.
    std::function<void(async::cached_function&)> configure_cache;

    // Left there.
    callbacks::Dispatchers hooks;
    WebResources resources;
    ModuleCaches caches;
    async::scope background;
    ShadowRuns shadow_runs;
    DeferredCalls deferred_calls;
    std::vector<std::unique_ptr<ModuleRegistrations>> registrations;  ///< in the order of the modules

    /// A module is about to be built.
    [[nodiscard]] ModuleRegistrations& enter(std::string module_name);
    /// False, and nothing is registered: another module has what only one may have.
    template <class Category>
    bool register_callbacks(ModuleRegistrations& by, const Category& given) {
        callbacks::RulesOf rules;
        if (by.limits != nullptr) rules = [&by](std::string_view callback) { return by.limits->of(callback); };
        const bool is_registered = callbacks::register_callbacks(hooks, by.module, given, &dispatch_settings, rules);
        note_callbacks(by);
        return is_registered;
    }
    /// Background calls that constructors and starts ask for begin when all modules have started, or not at all.
    void begin_background(std::function<void()> start);
    /// None while modules start, which may take long over their tables.
    [[nodiscard]] InteractionLimit interaction_limit() const noexcept {
        return have_started_ ? interaction_deadline : std::nullopt;
    }
    /// From now on they begin at once.
    void all_modules_started();
    /// Drops everything that calls into modules, before they are destroyed.
    void forget_registrations();

private:
    /// Notes that the callbacks that nobody has registered so far are this module's.
    void note_callbacks(ModuleRegistrations& by);

    std::vector<std::function<void()>> waiting_to_begin_;
    bool have_started_ = false;
};

}  // namespace modapi
