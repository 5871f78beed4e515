#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>

#include <callbacks/errors.h>

#include <async/cached_function.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

namespace modapi {

namespace {

constexpr std::string_view outside_of_callbacks = "background call";

}  // namespace

ModuleRegistrations::ModuleRegistrations(std::string module_name, int entry)
    : module(std::move(module_name)),
      name_among_workers(entry == 1 ? module : module + "#" + std::to_string(entry)),
      background(module, outside_of_callbacks) {}

std::string ModuleRegistrations::name_of(const async::cached_function& function) const {
    return name_among_workers + "." + std::string(function.name());
}

std::vector<std::string> ModuleRegistrations::callback_names() const {
    std::vector<std::string> names;
    for (const async::callback_identity* const callback : callbacks) {
        if (std::find(names.begin(), names.end(), callback->callback) == names.end()) names.emplace_back(callback->callback);
    }
    return names;
}

ModuleEnvironment::ModuleEnvironment(Homeserver& host, const async::environment& surroundings, Database& data,
                                     InvalidationBus& bus, CallingThreads& threads)
    : server(host),
      where(surroundings),
      database(data),
      caches(bus, surroundings.executor),
      background(surroundings,
                 [](std::string_view module, const std::exception_ptr& failure) {
                     framework_log().error("module {}: a background call failed: {}", module, callbacks::message_of(failure));
                 }),
      shadow_runs(surroundings),
      deferred_calls(surroundings, threads) {
    dispatch_settings.shadow_runs = &shadow_runs.scope();
}

ModuleRegistrations& ModuleEnvironment::enter(std::string module_name) {
    const auto before =
        std::count_if(registrations.begin(), registrations.end(),
                      [&](const std::unique_ptr<ModuleRegistrations>& other) { return other->module == module_name; });
    registrations.push_back(std::make_unique<ModuleRegistrations>(std::move(module_name), static_cast<int>(before) + 1));
    return *registrations.back();
}

void ModuleEnvironment::note_callbacks(ModuleRegistrations& by) {
    std::set<const async::callback_identity*> known;
    for (const std::unique_ptr<ModuleRegistrations>& registered : registrations)
        known.insert(registered->callbacks.begin(), registered->callbacks.end());
    callbacks::each_callback(std::as_const(hooks), [&](const auto& callback, std::string_view) {
        callback.each_registration([&](const async::callback_identity& identity) {
            if (!known.contains(&identity)) by.callbacks.push_back(&identity);
        });
    });
}

void ModuleEnvironment::begin_background(std::function<void()> start) {
    if (have_started_) {
        start();
    } else {
        waiting_to_begin_.push_back(std::move(start));
    }
}

void ModuleEnvironment::all_modules_started() {
    have_started_ = true;
    if (!caches.empty()) background.spawn("expiry of caches", ModuleCaches::drop_expired_entries(caches));
    for (const std::function<void()>& begin : std::exchange(waiting_to_begin_, {})) begin();
}

void ModuleEnvironment::forget_registrations() {
    waiting_to_begin_.clear();
    for (const std::unique_ptr<ModuleRegistrations>& module : registrations) {
        module->callbacks.clear();
        module->web_resources.clear();
        module->cached_functions.clear();
    }
    caches.clear();
    resources = WebResources();
    hooks = callbacks::Dispatchers();
}

}  // namespace modapi
