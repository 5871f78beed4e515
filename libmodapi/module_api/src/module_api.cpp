#include "bordered_answers.h"
#include "checked_arguments.h"
#include "grown_aggregate.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>
#include <callbacks/noted_change.h>
#include <callbacks/storable_json.h>

#include <async/cached_function.h>
#include <async/callback_frame.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <cmath>
#include <stdexcept>
#include <utility>

namespace modapi {

ModuleApi::ModuleApi(ModuleEnvironment& environment, ModuleRegistrations& registrations)
    : environment_(environment),
      registrations_(registrations),
      module_name_(registrations.module),
      logger_(module_log(module_name_)),
      http_client_(environment.http_client),
      public_room_list_manager_(environment.server),
      account_data_manager_(environment.server, environment.place) {}

ModuleApi::~ModuleApi() = default;

ModuleEnvironment& environment_of(ModuleApi& api) noexcept { return api.environment_; }
ModuleRegistrations& registrations_of(ModuleApi& api) noexcept { return api.registrations_; }
const TransactionCondition* lease_of_call(const ModuleApi& api) noexcept { return api.lease_of_call(); }

void ModuleApi::take(const callbacks::AccountData& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_account_data_callbacks");
    callbacks::AccountData callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks);
}

void ModuleApi::take(const callbacks::AccountValidity& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_account_validity_callbacks");
    callbacks::AccountValidity callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks);
}

void ModuleApi::take(const callbacks::BackgroundUpdateController& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_background_update_controller_callbacks");
    callbacks::BackgroundUpdateController callbacks = grown_aggregate(given, size);
    const callbacks::BackgroundUpdateController bordered =
        with_bordered_answers(std::move(callbacks), environment_.dispatch_settings.border, registrations_);
    if (environment_.register_callbacks(registrations_, bordered)) return;
    registrations_.was_refused = true;
    std::string holder;
    registrations_.lists->hooks.background_update_controller.on_update.each_registration(
        [&](const async::callback_identity& identity) { holder = identity.module; });
    framework_log().warn("module {}: its background update controller is ignored: module {} registered one before",
                         module_name_, holder);
}

void ModuleApi::take(const callbacks::MediaRepository& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_media_repository_callbacks");
    callbacks::MediaRepository callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks);
}

void ModuleApi::take(const callbacks::PasswordAuthProvider& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_password_auth_provider_callbacks");
    callbacks::PasswordAuthProvider callbacks = grown_aggregate(given, size);
    const callbacks::PasswordAuthProvider bordered =
        with_bordered_answers(std::move(callbacks), environment_.dispatch_settings.border, registrations_);
    environment_.register_callbacks(registrations_, bordered);
}

void ModuleApi::take(const callbacks::PresenceRouter& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_presence_router_callbacks");
    callbacks::PresenceRouter callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks);
}

void ModuleApi::take(const callbacks::Ratelimit& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_ratelimit_callbacks");
    callbacks::Ratelimit callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks);
}

void ModuleApi::take(const callbacks::SpamChecker& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_spam_checker_callbacks");
    callbacks::SpamChecker callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks);
}

void ModuleApi::take(const callbacks::ThirdPartyRules& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_third_party_rules_callbacks");
    callbacks::ThirdPartyRules callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks::with_noted_changes(callbacks, environment_.dispatch_settings));
}

void ModuleApi::register_web_resource(std::string path, std::shared_ptr<WebResource> resource) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_web_resource");
    WebResources& resources = registrations_.lists->resources;
    if (resources.add(path, std::move(resource), module_name_)) {
        registrations_.web_resources.push_back(path);
        return;
    }
    registrations_.was_refused = true;
    framework_log().warn("module {}: its web resource {} is ignored: module {} has that path", module_name_, path,
                         resources.owner(path));
}

void ModuleApi::register_cached_function(async::cached_function& function) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "register_cached_function");
    for (const async::cached_function* const other : registrations_.cached_functions) {
        if (other->name() == function.name())
            throw callbacks::RegistrationError("registered a second cached function with the name " + std::string(function.name()));
    }
    environment_.caches.add(registrations_.name_of(function), function);
    registrations_.cached_functions.push_back(&function);
    if (environment_.configure_cache) environment_.configure_cache(function);
}

void ModuleApi::require_registered(const async::cached_function& function) const {
    if (environment_.caches.has(registrations_.name_of(function), function)) return;
    throw std::logic_error(
        "the cached function " + std::string(function.name()) + " of module " + module_name_ +
        " was not registered with register_cached_function: its entries in other workers can't be invalidated");
}

async::task<void> ModuleApi::publish_invalidation(const async::cached_function& function, std::vector<std::string> key) {
    CacheInvalidation invalidation;
    invalidation.function = registrations_.name_of(function);
    invalidation.key = key;
    environment_.caches.publish(invalidation.function, std::move(key), function);
    if (environment_.shared_invalidations == nullptr) return async::make_ready_task();
    return environment_.shared_invalidations->send(std::move(invalidation));
}

async::task<void> ModuleApi::invalidate_cache_by_text(async::cached_function& function, std::vector<std::string> key) {
    modapi::refuse_in_shadow(co_await async::this_context, "invalidate_cache_by_text");
    require_registered(function);
    const std::string of_function = " of the cached function " + std::string(function.name()) + " of module " + module_name_;
    if (key.size() != function.key_parts()) {
        throw std::logic_error("a key" + of_function + " has " + std::to_string(function.key_parts()) + " parts, not " +
                               std::to_string(key.size()));
    }
    if (!function.invalidate_strings(key))
        throw std::logic_error("that is no key" + of_function + ": a part is of another type");
    async::task<void> publishing = publish_invalidation(function, std::move(key));
    co_await std::move(publishing);
}

async::task<void> ModuleApi::broadcast(std::string topic, callbacks::JsonDict content) {
    modapi::refuse_in_shadow(co_await async::this_context, "broadcast");
    require_text(topic, "topic");
    callbacks::require_storable(content);
    if (environment_.broadcasts == nullptr) throw std::logic_error("broadcast: this host gives its modules no broadcasts");
    Broadcast made;
    made.module = registrations_.name_among_workers;
    made.topic = std::move(topic);
    made.content = std::make_shared<const callbacks::JsonDict>(std::move(content));
    async::task<void> sending = Broadcasts::send(*environment_.broadcasts, std::move(made));
    co_await std::move(sending);
}

void ModuleApi::on_broadcast(std::string topic, async::owned_hook<void(const callbacks::JsonDict& content)> handler) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "on_broadcast");
    if (!handler) throw std::invalid_argument("on_broadcast: there is no handler");
    if (environment_.broadcasts == nullptr) throw std::logic_error("on_broadcast: this host gives its modules no broadcasts");
    if (registrations_.broadcasts == nullptr) {
        registrations_.broadcasts = std::make_unique<ReceivedBroadcasts>(*environment_.broadcasts, environment_.where, module_name_,
                                                                         registrations_.name_among_workers);
        registrations_.begin_background([this] {
            registrations_.background_calls.spawn("on_broadcast", ReceivedBroadcasts::hand_out(*registrations_.broadcasts));
        });
    }
    registrations_.broadcasts->add(std::move(topic), std::move(handler));
}

const std::string& ModuleApi::server_name() const noexcept { return environment_.server.server_name(); }
const std::string& ModuleApi::public_baseurl() const noexcept { return environment_.server.public_baseurl(); }
const std::string& ModuleApi::email_app_name() const noexcept { return environment_.server.email_app_name(); }
const std::optional<std::string>& ModuleApi::custom_template_dir() const noexcept {
    return environment_.server.custom_template_dir();
}
const std::optional<std::string>& ModuleApi::worker_app() const noexcept { return environment_.worker_app; }
const std::optional<std::string>& ModuleApi::worker_name() const noexcept { return environment_.worker_name; }
bool ModuleApi::should_run_background_tasks() const noexcept { return registrations_.runs_background_tasks; }
const TransactionCondition* ModuleApi::lease_of_call() const noexcept {
    if (registrations_.term.lease == nullptr) return nullptr;
    const async::callback_place* const running = async::running_callback_mark::on_this_thread();
    const bool is_of_one = running != nullptr && running->identity() == &registrations_.background_of_one;
    return is_of_one ? registrations_.term.lease.get() : nullptr;
}
spdlog::logger& ModuleApi::logger() noexcept { return *logger_; }
std::int64_t ModuleApi::now_ms() const noexcept { return environment_.where.clock->wall_time_ms(); }
Database& ModuleApi::database() noexcept { return environment_.database; }
WorkStatistics& ModuleApi::database_statistics() noexcept { return registrations_.database; }
bool ModuleApi::is_in_shadow() const noexcept { return environment_.shadow_runs.on_stack() != nullptr; }
void ModuleApi::refuse_in_shadow(const async::context& here, const char* member) { modapi::refuse_in_shadow(here, member); }
InteractionLimit ModuleApi::interaction_limit() const noexcept { return environment_.interaction_limit(registrations_); }
std::string ModuleApi::interaction_name(const std::string& desc) const { return desc + " of module " + module_name_; }
detail::Deferral ModuleApi::deferral() const noexcept {
    return {registrations_.deferred_calls, module_name_, interaction_limit()};
}

async::task<void> ModuleApi::migrate_schema(SchemaMigration migration) {
    modapi::refuse_in_shadow(co_await async::this_context, "migrate_schema");
    async::task<void> migrating = modapi::migrate_schema(database(), module_name_, std::move(migration), now_ms());
    co_await std::move(migrating);
}

async::task<void> ModuleApi::sleep(double seconds) {
    if (std::isnan(seconds)) throw std::invalid_argument("sleep: the number of seconds is not a number");
    const async::clock::duration duration = background_duration(seconds * 1000.0);
    co_await async::sleep_for(duration);
}

}  // namespace modapi
