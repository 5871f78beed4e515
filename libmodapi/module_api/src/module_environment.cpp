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

void log_failed_call(std::string_view module, const std::exception_ptr& failure) {
    framework_log().error("module {}: a background call failed: {}", module, callbacks::message_of(failure));
}

}  // namespace

std::string name_among_workers(const std::string& module, int entry) {
    return entry == 1 ? module : module + "#" + std::to_string(entry);
}

ModuleRegistrations::ModuleRegistrations(const async::environment& where, CallingThreads& threads, ModuleLists& into,
                                         std::string module_name, std::string among_workers, std::uint64_t number)
    : module(std::move(module_name)),
      name_among_workers(std::move(among_workers)),
      registrant(number),
      lists(&into),
      background(module, outside_of_callbacks),
      background_of_one(module, outside_of_callbacks),
      background_calls(where, &log_failed_call),
      deferred_calls(where, threads) {}

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

async::callback_identity& ModuleRegistrations::process_called(const std::string& desc) {
    constexpr std::size_t most_names = 64;
    const auto known = processes.find(desc);
    if (known != processes.end()) return *known->second;
    if (processes.size() == most_names) return background;
    const auto added = processes.emplace(desc, nullptr).first;
    added->second = std::make_unique<async::callback_identity>(module, added->first);
    return *added->second;
}

void ModuleRegistrations::begin_background(std::function<void()> start) {
    if (has_begun_) {
        start();
    } else {
        waiting_to_begin_.push_back(std::move(start));
    }
}

void ModuleRegistrations::begin() {
    has_begun_ = true;
    for (const std::function<void()>& begin : std::exchange(waiting_to_begin_, {})) begin();
}

void ModuleRegistrations::note_callbacks() {
    const std::set<const async::callback_identity*> known(callbacks.begin(), callbacks.end());
    callbacks::each_callback(std::as_const(lists->hooks), [&](const auto& callback, std::string_view) {
        callback.each_registration([&](const async::callback_identity& identity) {
            if (identity.how.registrant == registrant && !known.contains(&identity)) callbacks.push_back(&identity);
        });
    });
}

void ModuleRegistrations::forget() {
    waiting_to_begin_.clear();
    broadcasts.reset();
    callbacks.clear();
    web_resources.clear();
    cached_functions.clear();
}

ModuleEnvironment::ModuleEnvironment(Homeserver& host, const async::environment& surroundings, Database& data,
                                     InvalidationBus& bus, CallingThreads& calling)
    : server(host),
      where(surroundings),
      database(data),
      threads(calling),
      caches(bus, data, surroundings.executor),
      background(surroundings, &log_failed_call),
      shadow_runs(surroundings) {
    dispatch_settings.shadow_runs = &shadow_runs.scope();
    dispatch_settings.shared_walks = &background;
}

void ModuleEnvironment::begin_expiry() {
    if (caches.empty() || std::exchange(expires_, true)) return;
    background.spawn("expiry of caches", ModuleCaches::drop_expired_entries(caches));
}

}  // namespace modapi
