#pragma once

#include <modapi/database.h>
#include <modapi/hosting/cause.h>
#include <modapi/hosting/deferred_calls.h>
#include <modapi/hosting/homeserver.h>
#include <modapi/hosting/module_caches.h>
#include <modapi/hosting/module_registrations.h>
#include <modapi/hosting/broadcasts.h>
#include <modapi/hosting/shadow_runs.h>
#include <modapi/hosting/shared_invalidations.h>
#include <modapi/http_client.h>

#include <callbacks/dispatchers.h>

#include <async/context.h>
#include <async/scope.h>

#include <functional>
#include <optional>
#include <string>

namespace modapi {

class ModuleApi;

/// What a worker gives to its modules' ModuleApi objects, and what these leave there together. The worker fills in the first half
/// before it builds the first module.
///
/// Thread: the worker's. Lifetime: outlives the modules and their ModuleApi objects; what it refers to outlives it. The scopes
/// were joined before it is destroyed.
struct ModuleEnvironment {
    ModuleEnvironment(Homeserver& host, const async::environment& surroundings, Database& data, InvalidationBus& bus,
                      CallingThreads& calling);

    // Given.
    Homeserver& server;
    const async::environment& where;
    Database& database;
    CallingThreads& threads;
    std::optional<std::string> worker_name;  ///< none: the main worker
    std::optional<std::string> worker_app;   ///< none: the main worker
    SharedInvalidations* shared_invalidations = nullptr;  ///< null: no other process shares the database
    Broadcasts* broadcasts = nullptr;                     ///< null: there are none
    WorkerPlace place;
    HttpClientSettings http_client;
    InteractionLimit interaction_deadline;  ///< of modules' writing interactions and deferred calls, once they have started
    async::dispatch_settings dispatch_settings;
    /// Tells a cached function what the operator says of it, when it is registered. Empty: nothing.
    std::function<void(async::cached_function&)> configure_cache;

    // Left there.
    ModuleLists lists;  ///< those that are asked
    ModuleCaches caches;
    async::scope background;  ///< what goes on for all modules together
    ShadowRuns shadow_runs;

    /// False, and nothing is registered: another module has what only one may have.
    template <class Category>
    bool register_callbacks(ModuleRegistrations& by, const Category& given) {
        callbacks::RulesOf rules;
        if (by.limits != nullptr) rules = [&by](std::string_view callback) { return by.limits->of(callback); };
        const bool is_registered =
            callbacks::register_callbacks(by.lists->hooks, by.module, given, &dispatch_settings, rules, by.registrant);
        by.note_callbacks();
        return is_registered;
    }
    /// None while a module starts, which may take long over its tables.
    [[nodiscard]] InteractionLimit interaction_limit(const ModuleRegistrations& of) const noexcept {
        return of.has_begun() ? interaction_deadline : std::nullopt;
    }
    /// Modules have begun: what they cached is dropped when it is too old, from now on.
    void begin_expiry();

private:
    bool expires_ = false;
};

/// What stands behind a ModuleApi, for who brings modules of another language and offers them its members. As long as that.
[[nodiscard]] ModuleEnvironment& environment_of(ModuleApi& api) noexcept;
/// What its module has registered. As long as that.
[[nodiscard]] ModuleRegistrations& registrations_of(ModuleApi& api) noexcept;
/// What a transaction needs of the call that is on the stack, as ModuleApi::run_db_interaction gives it to its own; null:
/// nothing.
[[nodiscard]] const TransactionCondition* lease_of_call(const ModuleApi& api) noexcept;

}  // namespace modapi
