#include "worker_state.h"

#include <modapi/watchdog.h>

#include <async/callback_frame.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <exception>
#include <set>
#include <utility>

namespace modapi {

namespace {

/// What nobody asks for any more is dropped that often.
constexpr std::chrono::seconds time_between_expiries(30);

double in_microseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000.0; }

callbacks::JsonDict row_of(const async::callback_identity& identity) {
    const async::callback_statistics& counted = identity.statistics;
    const std::uint64_t measured = counted.measured.load(std::memory_order_relaxed);
    const double total = in_microseconds(counted.total_ns.load(std::memory_order_relaxed));
    callbacks::JsonDict row;
    row["module"] = identity.module;
    row["callback"] = identity.callback;
    row["runs"] = counted.runs.load(std::memory_order_relaxed);
    row["errors"] = counted.errors.load(std::memory_order_relaxed);
    row["decisions"] = counted.decisions.load(std::memory_order_relaxed);
    row["mean_us"] = measured == 0 ? 0.0 : total / static_cast<double>(measured);
    row["longest_us"] = in_microseconds(counted.longest_ns.load(std::memory_order_relaxed));
    return row;
}

CallbackCounts counts_of(const async::callback_identity& identity) {
    const async::callback_statistics& counted = identity.statistics;
    CallbackCounts counts;
    counts.callback = identity.callback;
    counts.calls = counted.runs.load(std::memory_order_relaxed);
    counts.decided = counted.decisions.load(std::memory_order_relaxed);
    counts.failed = counted.errors.load(std::memory_order_relaxed);
    counts.timed_calls = counted.measured.load(std::memory_order_relaxed);
    counts.timed_ns = counted.total_ns.load(std::memory_order_relaxed);
    counts.longest_ns = counted.longest_ns.load(std::memory_order_relaxed);
    return counts;
}

callbacks::JsonDict row_of(std::string_view module, const async::cached_function& function) {
    const async::cache_counters counted = function.counters();
    callbacks::JsonDict row;
    row["module"] = module;
    row["function"] = function.name();
    row["hits"] = counted.hits;
    row["misses"] = counted.misses;
    row["evicted_by_size"] = counted.evicted_by_size;
    row["evicted_by_time"] = counted.evicted_by_time;
    row["evicted_by_invalidation"] = counted.evicted_by_invalidation;
    row["size"] = counted.size;
    row["max_size"] = counted.max_size;
    row["pending"] = counted.pending;
    return row;
}

}  // namespace

Worker::State::State(Homeserver& host, const async::environment& surroundings, Database& data, InvalidationBus& invalidations,
                     boost::asio::any_io_executor pool, WorkerSettings how)
    : server(host),
      where(surroundings),
      database(data),
      bus(invalidations),
      blocking_pool(std::move(pool)),
      settings(std::move(how)),
      background(surroundings, [](std::string_view module, const std::exception_ptr& failure) {
          spdlog::error("module {}: a background call failed: {}", module, callbacks::message_of(failure));
      }) {
    dispatch_settings.observer = &log;
    dispatch_settings.slow = settings.slow_callback;
    dispatch_settings.callback_deadline = settings.callback_deadline;
    subscription =
        bus.subscribe(where.executor, [this](const CacheInvalidation& invalidation) { invalidated_elsewhere(invalidation); });
    if (const auto* const mark = async::running_callback_mark::of(where); settings.watchdog != nullptr && mark != nullptr)
        settings.watchdog->watch(mark->identity(), settings.blocked_thread);
}

Worker::State::~State() {
    bus.unsubscribe(subscription);
    destroy_modules();
}

std::string Worker::State::name_of(const ModuleApi& module, const async::cached_function& function) const {
    int entry = 1;
    for (const std::unique_ptr<ModuleApi>& api : apis) {
        if (api.get() == &module) break;
        if (api->module_name() == module.module_name()) ++entry;
    }
    const std::string which = entry == 1 ? "" : "#" + std::to_string(entry);
    return module.module_name() + which + "." + std::string(function.name());
}

void Worker::State::note_callbacks(const ModuleApi& by) {
    std::set<const async::callback_identity*> known;
    for (const auto& [api, registered] : registrations) known.insert(registered.callbacks.begin(), registered.callbacks.end());
    std::vector<const async::callback_identity*>& own = registrations[&by].callbacks;
    callbacks::each_callback(std::as_const(hooks), [&](const auto& callback, std::string_view) {
        callback.each_registration([&](const async::callback_identity& identity) {
            if (!known.contains(&identity)) own.push_back(&identity);
        });
    });
}

void Worker::State::begin_background(std::function<void()> start) {
    if (has_started) {
        start();
    } else {
        waiting_to_begin.push_back(std::move(start));
    }
}

void Worker::State::invalidated_elsewhere(const CacheInvalidation& invalidation) {
    const auto found = cached_functions.find(invalidation.function);
    if (found == cached_functions.end()) return;
    try {
        const bool is_known_key = found->second->invalidate_strings(invalidation.key);
        if (!is_known_key) {
            // Another build of the module may be at work there: dropping too much is right, keeping something stale isn't.
            spdlog::warn("the cache of {} was told of a key that isn't one of its own, and drops all entries",
                         invalidation.function);
            found->second->invalidate_all();
        }
    } catch (...) {
        spdlog::error("the cache of {} can't be invalidated: {}", invalidation.function,
                      callbacks::message_of(std::current_exception()));
    }
}

async::task<void> Worker::State::drop_expired_entries() {
    for (;;) {
        co_await async::sleep_for(time_between_expiries);
        for (const auto& [name, function] : cached_functions) function->drop_expired();
    }
}

void Worker::State::destroy_modules() {
    // The watchdog reads the identities that end here.
    if (const auto* const mark = async::running_callback_mark::of(where); settings.watchdog != nullptr && mark != nullptr)
        settings.watchdog->forget(mark->identity());
    waiting_to_begin.clear();
    registrations.clear();
    cached_functions.clear();
    resources = WebResources();
    hooks = callbacks::Dispatchers();
    while (!modules.empty()) modules.pop_back();
    while (!apis.empty()) apis.pop_back();
}

Worker::Worker(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
               boost::asio::any_io_executor blocking_pool, WorkerSettings settings)
    : state_(std::make_unique<State>(server, where, database, bus, std::move(blocking_pool), std::move(settings))) {}

Worker::~Worker() = default;

void Worker::construct_modules(const ConfigurationFile& file, const std::vector<ConfiguredModule>& modules) {
    State& state = *state_;
    for (const ConfiguredModule& configured : modules) {
        try {
            state.apis.push_back(std::make_unique<ModuleApi>(*this, configured.name));
            ModuleInstance module;
            module.name = configured.name;
            module.path = configured.path;
            module.library = configured.library;
            module.definition = *configured.definition;
            module.starting = std::make_unique<async::callback_identity>(configured.name, "start");
            module.stopping = std::make_unique<async::callback_identity>(configured.name, "stop");
            module.object = module.definition.construct(configured.parsed, *state.apis.back());
            state.modules.push_back(std::move(module));
        } catch (const callbacks::ConfigError& error) {
            // A constructor that reads its section itself.
            ConfigurationPath place = configured.path;
            if (!error.path().empty()) place.emplace_back("config");
            place.insert(place.end(), error.path().begin(), error.path().end());
            const std::string message = error.what();
            state.destroy_modules();
            file.fail(place, message + " (module " + configured.name + ")");
        } catch (...) {
            const std::string message = callbacks::message_of(std::current_exception());
            state.destroy_modules();
            file.fail(configured.path, message + " (module " + configured.name + ")");
        }
        spdlog::info("module {} is loaded", configured.name);
    }
    state.resources.close();
}

callbacks::Dispatchers& Worker::hooks() noexcept { return state_->hooks; }
const WebResources& Worker::web_resources() const noexcept { return state_->resources; }
Homeserver& Worker::homeserver() noexcept { return state_->server; }
Database& Worker::database() noexcept { return state_->database; }
const async::environment& Worker::environment() const noexcept { return state_->where; }
const WorkerSettings& Worker::settings() const noexcept { return state_->settings; }

callbacks::JsonArray Worker::callback_statistics() const {
    callbacks::JsonArray rows;
    callbacks::each_callback(std::as_const(state_->hooks), [&](const auto& callback, std::string_view) {
        callback.each_registration([&](const async::callback_identity& identity) { rows.push_back(row_of(identity)); });
    });
    return rows;
}

callbacks::JsonArray Worker::cache_statistics() const {
    callbacks::JsonArray rows;
    for (const auto& [name, function] : state_->cached_functions) {
        const std::string_view module = std::string_view(name).substr(0, name.size() - function->name().size() - 1);
        rows.push_back(row_of(module, *function));
    }
    return rows;
}

std::vector<ModuleStatistics> Worker::module_statistics() const {
    std::vector<ModuleStatistics> all;
    for (std::size_t index = 0; index < state_->modules.size(); ++index) {
        const ModuleInstance& module = state_->modules[index];
        const ModuleRegistrations& registered = state_->registrations.at(state_->apis.at(index).get());
        ModuleStatistics of_module;
        of_module.module = module.name;
        of_module.library = module.library.string();
        for (const async::callback_identity* const callback : registered.callbacks) {
            ModuleStatistics of_callback;
            of_callback.callbacks.push_back(counts_of(*callback));
            of_module.add(of_callback);
        }
        of_module.web_resources = registered.web_resources;
        for (const async::cached_function* const function : registered.cached_functions)
            of_module.caches.push_back({std::string(function->name()), function->counters()});
        const CallbackCounts background = counts_of(*registered.background);
        of_module.background_calls = background.calls;
        of_module.failed_background_calls = background.failed;
        all.push_back(std::move(of_module));
    }
    return all;
}

}  // namespace modapi
