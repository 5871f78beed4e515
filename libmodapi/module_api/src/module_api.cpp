#include <modapi/module_api.h>

#include "worker_state.h"

#include <spdlog/spdlog.h>

#include <cmath>
#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

constexpr std::string_view outside_of_callbacks = "background call";

}  // namespace

ModuleApi::ModuleApi(Worker& worker, std::string module_name)
    : worker_(worker),
      module_name_(std::move(module_name)),
      logger_(spdlog::default_logger()->clone(module_name_)),
      http_client_(worker.settings().http_client),
      public_room_list_manager_(worker.homeserver()),
      account_data_manager_(worker.homeserver()),
      background_(module_name_, outside_of_callbacks) {
    worker_.state_->registrations[this].background = &background_;
}

ModuleApi::~ModuleApi() = default;

void ModuleApi::register_account_data_callbacks(callbacks::AccountData callbacks) {
    callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
}

void ModuleApi::register_account_validity_callbacks(callbacks::AccountValidity callbacks) {
    callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
}

void ModuleApi::register_add_extra_fields_to_unsigned_client_event_callbacks(callbacks::Unsigned callbacks) {
    callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
}

void ModuleApi::register_background_update_controller_callbacks(callbacks::BackgroundUpdateController callbacks) {
    const bool is_first =
        callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
    if (is_first) return;
    std::string holder;
    worker_.hooks().background_update_controller.on_update.each_registration(
        [&](const async::callback_identity& identity) { holder = identity.module; });
    spdlog::warn("module {}: its background update controller is ignored: module {} registered one before", module_name_,
                 holder);
}

void ModuleApi::register_password_auth_provider_callbacks(callbacks::PasswordAuthProvider callbacks) {
    callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
}

void ModuleApi::register_presence_router_callbacks(callbacks::PresenceRouter callbacks) {
    callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
}

void ModuleApi::register_spam_checker_callbacks(callbacks::SpamChecker callbacks) {
    callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
}

void ModuleApi::register_third_party_rules_callbacks(callbacks::ThirdPartyRules callbacks) {
    callbacks::register_callbacks(worker_.hooks(), module_name_, callbacks, &worker_.state_->dispatch_settings);
    worker_.state_->note_callbacks(*this);
}

void ModuleApi::register_web_resource(std::string path, std::shared_ptr<WebResource> resource) {
    WebResources& resources = worker_.state_->resources;
    if (resources.add(path, std::move(resource), module_name_)) {
        worker_.state_->registrations[this].web_resources.push_back(path);
        return;
    }
    spdlog::warn("module {}: its web resource {} is ignored: module {} has that path", module_name_, path,
                 resources.owner(path));
}

void ModuleApi::register_cached_function(async::cached_function& function) {
    const std::string name = worker_.state_->name_of(*this, function);
    if (worker_.state_->cached_functions.emplace(name, &function).second) {
        worker_.state_->registrations[this].cached_functions.push_back(&function);
        worker_.settings().caches.apply_to(function);
        return;
    }
    throw callbacks::RegistrationError("registered a second cached function with the name " + std::string(function.name()));
}

void ModuleApi::require_registered(const async::cached_function& function) const {
    const auto& registered = worker_.state_->cached_functions;
    const auto found = registered.find(worker_.state_->name_of(*this, function));
    if (found != registered.end() && found->second == &function) return;
    throw std::logic_error(
        "the cached function " + std::string(function.name()) + " of module " + module_name_ +
        " was not registered with register_cached_function: its entries in other workers can't be invalidated");
}

void ModuleApi::publish_invalidation(const async::cached_function& function, std::vector<std::string> key) {
    CacheInvalidation invalidation;
    invalidation.function = worker_.state_->name_of(*this, function);
    invalidation.key = std::move(key);
    worker_.state_->bus.publish(worker_.state_->subscription, invalidation);
}

const std::string& ModuleApi::server_name() const noexcept { return worker_.homeserver().server_name(); }
const std::string& ModuleApi::public_baseurl() const noexcept { return worker_.homeserver().public_baseurl(); }
const std::string& ModuleApi::email_app_name() const noexcept { return worker_.homeserver().email_app_name(); }
const std::optional<std::string>& ModuleApi::custom_template_dir() const noexcept {
    return worker_.homeserver().custom_template_dir();
}
const std::optional<std::string>& ModuleApi::worker_app() const noexcept { return worker_.settings().worker_app; }
const std::optional<std::string>& ModuleApi::worker_name() const noexcept { return worker_.settings().worker_name; }
bool ModuleApi::should_run_background_tasks() const noexcept { return worker_.settings().run_background_tasks; }
spdlog::logger& ModuleApi::logger() noexcept { return *logger_; }
std::int64_t ModuleApi::now_ms() const noexcept { return worker_.environment().clock->wall_time_ms(); }
Database& ModuleApi::database() noexcept { return worker_.database(); }
boost::asio::any_io_executor ModuleApi::blocking_pool() const { return worker_.state_->blocking_pool; }

async::task<void> ModuleApi::migrate_schema(SchemaMigration migration) {
    return modapi::migrate_schema(database(), module_name_, std::move(migration), now_ms());
}

async::task<void> ModuleApi::sleep(double seconds) {
    if (std::isnan(seconds)) throw std::invalid_argument("sleep: the number of seconds is not a number");
    const async::clock::duration duration = background_duration(seconds * 1000.0);
    co_await async::sleep_for(duration);
}

}  // namespace modapi
