#include "worker_state.h"

#include <modapi/hosting/watchdog.h>

#include <callbacks/errors.h>

#include <async/cached_function.h>
#include <async/callback_frame.h>

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace modapi {

namespace {

CallbackCounts counts_of(const async::callback_identity& identity) {
    const async::callback_statistics& counted = identity.statistics;
    CallbackCounts counts;
    counts.callback = identity.callback;
    counts.calls = counted.runs.load(std::memory_order_relaxed);
    counts.decided = counted.decisions.load(std::memory_order_relaxed);
    counts.failed = counted.errors.load(std::memory_order_relaxed);
    counts.timed_calls = counted.measured.load(std::memory_order_relaxed);
    counts.timed_ns = counted.total_ns.load(std::memory_order_relaxed);
    counts.max_ns = counted.longest_ns.load(std::memory_order_relaxed);
    return counts;
}

}  // namespace

Worker::State::State(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
                     boost::asio::any_io_executor blocking_pool, WorkerSettings how)
    : settings(std::move(how)), environment(server, where, database, bus, std::move(blocking_pool)) {
    environment.worker_name = settings.worker_name;
    environment.worker_app = settings.worker_app;
    environment.run_background_tasks = settings.run_background_tasks;
    environment.http_client = settings.http_client;
    environment.dispatch_settings.observer = &log;
    environment.dispatch_settings.slow = settings.slow_callback;
    environment.dispatch_settings.callback_deadline = settings.callback_deadline;
    environment.configure_cache = [this](async::cached_function& function) { settings.caches.apply_to(function); };
    if (const auto* const mark = async::running_callback_mark::of(where); settings.watchdog != nullptr && mark != nullptr)
        settings.watchdog->watch(mark->identity(), settings.blocked_thread);
}

Worker::State::~State() { destroy_modules(); }

void Worker::State::destroy_modules() {
    // The watchdog reads the identities that end here.
    const auto* const mark = async::running_callback_mark::of(environment.where);
    if (settings.watchdog != nullptr && mark != nullptr) settings.watchdog->forget(mark->identity());
    environment.forget_registrations();
    while (!modules.empty()) modules.pop_back();
    while (!apis.empty()) apis.pop_back();
    environment.registrations.clear();
}

Worker::Worker(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
               boost::asio::any_io_executor blocking_pool, WorkerSettings settings)
    : state_(std::make_unique<State>(server, where, database, bus, std::move(blocking_pool), std::move(settings))) {}

Worker::~Worker() = default;

void Worker::construct_modules(const ConfigurationFile& file, const std::vector<ConfiguredModule>& modules) {
    State& state = *state_;
    for (const ConfiguredModule& configured : modules) {
        try {
            state.apis.push_back(std::make_unique<ModuleApi>(state.environment, configured.name));
            ModuleInstance module;
            module.name = configured.name;
            module.path = configured.path;
            module.library = configured.library;
            module.definition = *configured.definition;
            module.starting = std::make_unique<async::callback_identity>(configured.name, "start");
            module.becoming_ready = std::make_unique<async::callback_identity>(configured.name, "ready");
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
    state.environment.resources.close();
}

callbacks::Dispatchers& Worker::hooks() noexcept { return state_->environment.hooks; }
const WebResources& Worker::web_resources() const noexcept { return state_->environment.resources; }
Homeserver& Worker::homeserver() noexcept { return state_->environment.server; }
Database& Worker::database() noexcept { return state_->environment.database; }
const async::environment& Worker::environment() const noexcept { return state_->environment.where; }
const WorkerSettings& Worker::settings() const noexcept { return state_->settings; }

std::vector<ModuleStatistics> Worker::module_statistics() const {
    std::vector<ModuleStatistics> all;
    for (std::size_t index = 0; index < state_->modules.size(); ++index) {
        const ModuleInstance& module = state_->modules[index];
        const ModuleRegistrations& registered = *state_->environment.registrations.at(index);
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
        const CallbackCounts background = counts_of(registered.background);
        of_module.background_calls = background.calls;
        of_module.failed_background_calls = background.failed;
        all.push_back(std::move(of_module));
    }
    return all;
}

}  // namespace modapi
