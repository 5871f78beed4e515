#include <modapi/hosting/unsigned_changes.h>

#include "grown_aggregate.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/shadow_runs.h>
#include <modapi/module_api.h>

#include <callbacks/remembered_fields.h>

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace modapi {

namespace {

/// Where the worker keeps it; null: none of those who are asked says the word.
callbacks::RememberedFields* memory_of(const ModuleRegistrations& registrations) noexcept {
    return registrations.lists->hooks.unsigned_section.add_field_to_unsigned_callback.remembered().get();
}

}  // namespace

// No function in a module's code has such a name.
UnsignedChanges::UnsignedChanges(const ModuleRegistrations& of)
    : cached_function("add_field_to_unsigned()", async::cache_options()), of_(of) {}

bool UnsignedChanges::invalidate_strings(std::span<const std::string> key) {
    if (key.size() > key_parts()) return false;
    callbacks::RememberedFields* const memory = memory_of(of_);
    if (memory == nullptr) return true;
    if (key.empty()) {
        memory->forget(of_.registrant);
    } else {
        memory->forget(of_.registrant, key.front());
    }
    return true;
}

void UnsignedChanges::invalidate_all() {
    if (callbacks::RememberedFields* const memory = memory_of(of_)) memory->forget(of_.registrant);
}

async::task<void> ModuleApi::unsigned_changed() {
    modapi::refuse_in_shadow(co_await async::this_context, "unsigned_changed");
    async::task<void> telling = tell_of_changed_unsigned(std::vector<std::string>());
    co_await std::move(telling);
}

async::task<void> ModuleApi::unsigned_changed(std::string event_id) {
    modapi::refuse_in_shadow(co_await async::this_context, "unsigned_changed");
    std::vector<std::string> key(1, std::move(event_id));
    async::task<void> telling = tell_of_changed_unsigned(std::move(key));
    co_await std::move(telling);
}

async::task<void> ModuleApi::tell_of_changed_unsigned(std::vector<std::string> key) {
    if (registrations_.unsigned_changes == nullptr) {
        throw std::logic_error("unsigned_changed: no add_field_to_unsigned of module " + module_name_ +
                               " was registered with callbacks::once_per_event: nothing of it is remembered");
    }
    async::cached_function& changes = *registrations_.unsigned_changes;
    static_cast<void>(changes.invalidate_strings(key));
    return publish_invalidation(changes, std::move(key));
}

void ModuleApi::take(const callbacks::Unsigned& given, std::size_t size) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(),
                             "register_add_extra_fields_to_unsigned_client_event_callbacks");
    callbacks::Unsigned callbacks = grown_aggregate(given, size);
    environment_.register_callbacks(registrations_, callbacks);
    if (!callbacks.add_field_to_unsigned_callback.is_remembered() || registrations_.unsigned_changes != nullptr) return;
    registrations_.unsigned_changes = std::make_unique<UnsignedChanges>(registrations_);
    environment_.caches.add(registrations_.name_of(*registrations_.unsigned_changes), *registrations_.unsigned_changes);
}

}  // namespace modapi
