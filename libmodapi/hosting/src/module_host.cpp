#include "module_host_state.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/start_step.h>
#include <modapi/hosting/watchdog.h>

#include <callbacks/errors.h>

#include <async/cached_function.h>
#include <async/callback_frame.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

namespace modapi {

namespace {

constexpr const char* main_worker = "main";

/// `waiting`: the worker's runs that haven't ended.
CallbackCounts counts_of(const async::callback_identity& identity, const async::waiting_runs& waiting,
                         async::clock::time_point now) {
    const async::callback_statistics& counted = identity.statistics;
    CallbackCounts counts;
    counts.callback = identity.callback;
    counts.calls = counted.runs.load(std::memory_order_relaxed);
    counts.decided = counted.decisions.load(std::memory_order_relaxed);
    counts.failed = counted.errors.load(std::memory_order_relaxed);
    counts.max_ns = counted.longest_ns.load(std::memory_order_relaxed);
    counts.cut = counted.cut.load(std::memory_order_relaxed);
    counts.kept_out = counted.kept_out.load(std::memory_order_relaxed);
    counts.waited = counted.waited.counts();
    counts.at_once = counted.at_once.counts();
    counts.timed_calls = counts.waited.count() + counts.at_once.count();
    counts.timed_ns = counts.waited.total_ns + counts.at_once.total_ns;
    waiting.each([&](const async::waiting_run& run) {
        if (&run.callback() != &identity) return;
        ++counts.waiting;
        counts.max_waiting_ns = std::max(counts.max_waiting_ns, static_cast<std::uint64_t>((now - run.since()).count()));
    });
    return counts;
}

/// Where each registration stands among all of its callback.
std::map<const async::callback_identity*, std::size_t> places_of(const callbacks::Dispatchers& hooks) {
    std::map<const async::callback_identity*, std::size_t> places;
    callbacks::each_callback(hooks, [&](const auto& callback, std::string_view) {
        std::size_t place = 0;
        callback.each_registration([&](const async::callback_identity& identity) { places.emplace(&identity, place++); });
    });
    return places;
}

}  // namespace

ModuleInstance::ModuleInstance(const ConfiguredModule& entry)
    : configured(entry),
      preparing(entry.name, "the preparation"),
      constructing(entry.name, "the constructor"),
      destroying(entry.name, "the destructor"),
      starting(entry.name, "start"),
      becoming_ready(entry.name, "ready"),
      stopping(entry.name, "stop"),
      saving(entry.name, "save"),
      restoring(entry.name, "restore") {}

void ModuleInstance::take_over(const ConfiguredModule& entry) {
    // What a constructor has said, or a callback, is said by nobody again.
    if (entry.secrets != nullptr && configured.secrets != nullptr) entry.secrets->add(*configured.secrets);
    configured = entry;
    masked.reset();
}

const std::shared_ptr<const callbacks::JsonDict>& ModuleInstance::masked_config() {
    const std::size_t declared = configured.secrets != nullptr ? configured.secrets->count() : 0;
    if (masked == nullptr || masked_secrets != declared) {
        masked = std::make_shared<const callbacks::JsonDict>(configured.masked_config());
        masked_secrets = declared;
    }
    return masked;
}

int entry_in(const std::vector<std::string>& names, std::size_t position) {
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(position);
    return 1 + static_cast<int>(std::count(names.begin(), end, names[position]));
}

std::vector<ModuleInstance*> pointers_to(const ModuleInstances& instances) {
    std::vector<ModuleInstance*> pointers;
    for (const std::unique_ptr<ModuleInstance>& instance : instances) pointers.push_back(instance.get());
    return pointers;
}

ModuleHost::State::State(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
                         std::unique_ptr<BlockingThreads> own, BlockingThreads& threads, WorkerSettings how)
    : settings(std::move(how)),
      own_threads(std::move(own)),
      waiting(environment.dispatch_settings, settings.watchdog != nullptr || settings.callback_deadline.count() > 0),
      environment(server, where, database, bus, threads),
      retiring(where, [](std::string_view what, const std::exception_ptr& failure) {
          framework_log().error("{}: {}", what, callbacks::message_of(failure));
      }) {
    environment.worker_name = settings.worker_name;
    environment.worker_app = settings.worker_app;
    if (settings.run_background_tasks) {
        term = settings.background_term;
        constexpr std::int64_t only_term = 1;
        if (term.number == 0) term.number = only_term;
    }
    environment.shared_invalidations = settings.shared_invalidations;
    if (settings.broadcasts == nullptr) own_broadcasts = std::make_unique<Broadcasts>();
    environment.broadcasts = settings.broadcasts != nullptr ? settings.broadcasts : own_broadcasts.get();
    environment.place = settings.place;
    environment.http_client = settings.http_client;
    if (settings.interaction_deadline.count() > 0) environment.interaction_deadline = settings.interaction_deadline;
    environment.dispatch_settings.observer = &callback_log;
    if (settings.decisions != nullptr)
        callback_log.note_by(DecisionRecorder(*settings.decisions, settings.worker_name.value_or(main_worker), *where.clock));
    environment.dispatch_settings.border = &border;
    environment.dispatch_settings.slow = settings.slow_callback;
    environment.dispatch_settings.callback_deadline = settings.callback_deadline;
    environment.dispatch_settings.waiting = &waiting;
    environment.configure_cache = [this](async::cached_function& function) { settings.caches.apply_to(function); };
    environment.lists.resources = WebResources(settings.reserved_paths);
    if (const auto* const mark = async::running_callback_mark::of(where); settings.watchdog != nullptr && mark != nullptr)
        settings.watchdog->watch(mark->identity(), settings.blocked_thread, settings.worker_name.value_or(main_worker));
}

ModuleHost::State::~State() {
    if (next) discard_next();
    destroy_modules();
}

ModuleInstance* ModuleHost::State::instance_at(std::size_t position) const noexcept {
    const auto found = std::find_if(modules.begin(), modules.end(), [&](const auto& each) { return each->position == position; });
    return found != modules.end() ? found->get() : nullptr;
}

ModuleInstance& ModuleHost::State::make_room(std::unique_ptr<ModuleInstance>& place, const ConfiguredModule& configured,
                                             ModuleLists& lists, std::string name_among_workers,
                                             const BackgroundTerm& for_term) {
    place = std::make_unique<ModuleInstance>(configured);
    place->registered = std::make_unique<ModuleRegistrations>(environment.where, environment.threads, lists, configured.name,
                                                              std::move(name_among_workers), ++instances_made);
    if (configured.rules != nullptr) {
        place->registered->limits =
            std::make_unique<ModuleLimits>(configured.rules, *environment.where.clock, environment.dispatch_settings);
    }
    place->registered->term = for_term;
    place->registered->runs_background_tasks = for_term.number != 0;
    place->api = std::make_unique<ModuleApi>(environment, *place->registered);
    border.add(configured);
    return *place;
}

void ModuleHost::State::construct(ModuleInstance& module) {
    const ConfiguredModule& configured = module.configured;
    if (configured.has_to_be_prepared() && !module.is_prepared)
        configured.fail({}, "has to be prepared before it is built, which this host doesn't await", worker());
    const std::shared_ptr<const void> from = module.is_prepared ? std::move(module.prepared) : configured.parsed;
    try {
        const StartStep step(*configured.file, configured.path, "the constructor", configured.name, worker());
        const InNameOf constructor(environment.where, module.constructing);
        module.object = module.definition().construct(from, *module.api);
    } catch (const callbacks::ConfigError& error) {
        // A constructor that reads its section itself.
        configured.fail(error.path(), error.what(), worker());
    } catch (...) {
        configured.fail({}, callbacks::message_of(std::current_exception()), worker());
    }
    configured.check_rules(module.registered->callback_names(), worker());
    const std::string warning = configured.warning_of_placement(module.registered->callback_names());
    if (!warning.empty() && settings.place.index == 0) framework_log().warn("{}", warning);
    // Once, not for each worker.
    framework_log().log(settings.place.index == 0 ? spdlog::level::info : spdlog::level::debug, "module {} is loaded", configured.name);
}

void ModuleHost::State::destroy(ModuleInstance& module) {
    for (const async::cached_function* const function : module.registered->cached_functions)
        environment.caches.remove(*function);
    if (module.registered->unsigned_changes != nullptr) environment.caches.remove(*module.registered->unsigned_changes);
    module.registered->forget();
    {
        const InNameOf destructor(environment.where, module.destroying);
        module.object.reset();
    }
    let_watchdog_forget();
}

void ModuleHost::State::let_watchdog_forget() {
    const auto* const mark = async::running_callback_mark::of(environment.where);
    if (settings.watchdog != nullptr && mark != nullptr) settings.watchdog->forget_seen(mark->identity());
}

void ModuleHost::State::destroy_from_last(ModuleInstances& instances) {
    while (!instances.empty()) {
        if (instances.back() != nullptr) destroy(*instances.back());
        instances.pop_back();
    }
}

void ModuleHost::State::destroy_modules() {
    // The watchdog reads the identities that end here.
    const auto* const mark = async::running_callback_mark::of(environment.where);
    if (settings.watchdog != nullptr && mark != nullptr) settings.watchdog->forget(mark->identity());
    waiting.stop();
    callback_log.forget();
    environment.lists.hooks = callbacks::Dispatchers();
    environment.lists.resources = WebResources(settings.reserved_paths);
    names.clear();
    destroy_from_last(modules);
}

ModuleHost::ModuleHost(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
                       BlockingThreads& threads, WorkerSettings settings)
    : state_(std::make_unique<State>(server, where, database, bus, nullptr, threads, std::move(settings))) {}

ModuleHost::ModuleHost(Homeserver& server, const async::environment& where, Database& database, InvalidationBus& bus,
                       const boost::asio::any_io_executor&, WorkerSettings settings) {
    auto own = std::make_unique<BlockingThreads>(WorkerSettings::usual_blocking_threads);
    BlockingThreads& threads = *own;
    state_ = std::make_unique<State>(server, where, database, bus, std::move(own), threads, std::move(settings));
}

ModuleHost::~ModuleHost() = default;

void ModuleHost::State::make_room_for(const std::vector<ConfiguredModule>& list) {
    for (const ConfiguredModule& configured : list) {
        const std::size_t position = names.size();
        names.push_back(configured.name);
        if (!runs_here(configured, term)) {
            if (settings.place.index == 0)
                framework_log().info("module {} isn't run here: its run_on is {}", configured.name,
                                     configured.placement.text());
            continue;
        }
        make_room(modules.emplace_back(), configured, environment.lists,
                  name_among_workers(configured.name, entry_in(names, position)), term)
            .position = position;
    }
}

void ModuleHost::State::construct_all() {
    for (const std::unique_ptr<ModuleInstance>& module : modules) construct(*module);
    environment.lists.resources.close();
}

void ModuleHost::construct_modules(const std::vector<ConfiguredModule>& modules) {
    State& state = *state_;
    try {
        state.make_room_for(modules);
        state.construct_all();
    } catch (...) {
        state.destroy_modules();
        throw;
    }
}

async::task<void> ModuleHost::prepare_modules(std::vector<ConfiguredModule> modules) {
    State& state = *state_;
    state.make_room_for(modules);
    std::optional<BeginFailure> failure;
    std::exception_ptr cancelled;
    try {
        async::task<std::optional<BeginFailure>> preparing = state.prepare(pointers_to(state.modules));
        failure = co_await std::move(preparing);
    } catch (...) {
        cancelled = std::current_exception();
    }
    if (!failure && !cancelled) co_return;
    const async::context& here = co_await async::this_context;
    async::context uncut = here;
    uncut.cancellation = nullptr;
    async::task<void> stopping = stop();
    co_await std::move(stopping).in(uncut);
    if (cancelled) std::rethrow_exception(cancelled);
    failure->module.fail(failure->place, failure->message, state.worker());
}

void ModuleHost::construct_modules() { state_->construct_all(); }

void ModuleHost::construct_modules(const ConfigurationFile& file, std::vector<ConfiguredModule> modules) {
    const auto kept = std::make_shared<const ConfigurationFile>(file);
    for (ConfiguredModule& module : modules) module.file = kept;
    construct_modules(modules);
}

const BackgroundTerm& ModuleHost::background_term() const noexcept { return state_->term; }

void ModuleHost::end_background_term() noexcept {
    State& state = *state_;
    state.term.number = 0;
    for (const std::unique_ptr<ModuleInstance>& module : state.modules) module->registered->runs_background_tasks = false;
    if (!state.next) return;
    state.next->term.number = 0;
    for (const NextModule& module : state.next->modules) {
        if (module.made != nullptr && module.made->registered != nullptr) module.made->registered->runs_background_tasks = false;
    }
}

callbacks::Dispatchers& ModuleHost::hooks() noexcept { return state_->environment.lists.hooks; }
const WebResources& ModuleHost::web_resources() const noexcept { return state_->environment.lists.resources; }
async::task<std::optional<Response>> ModuleHost::serve(const Request& request) {
    State& state = *state_;
    const ModuleEnvironment& environment = state.environment;
    const WebResources& resources = environment.lists.resources;
    const std::string_view module = resources.owner(request.path);
    if (module.empty()) co_return std::nullopt;
    const RequestsUnderWay::Place place(state.requests_of_resources, module, request, state.settings.web_resource_requests);
    if (!place.is_free()) co_return refused_for_now();
    auto serving = resources.serve(request, environment.dispatch_settings, state.settings.web_resource_deadline);
    std::optional<Response> response = co_await std::move(serving);
    co_return response;
}

const async::callback_identity* ModuleHost::origin_of(const std::exception_ptr& failure) const noexcept {
    return state_->callback_log.origin_of(failure);
}

Homeserver& ModuleHost::homeserver() noexcept { return state_->environment.server; }
Database& ModuleHost::database() noexcept { return state_->environment.database; }
const async::environment& ModuleHost::environment() const noexcept { return state_->environment.where; }
const WorkerSettings& ModuleHost::settings() const noexcept { return state_->settings; }

std::vector<ModuleStatistics> ModuleHost::module_statistics() const {
    std::vector<ModuleStatistics> all;
    const ModuleEnvironment& environment = state_->environment;
    const async::clock::time_point now = environment.where.clock->now();
    const std::map<const async::callback_identity*, std::size_t> places = places_of(environment.lists.hooks);
    const auto counted = [&](const async::callback_identity& identity) { return counts_of(identity, state_->waiting, now); };
    for (const std::unique_ptr<ModuleInstance>& module : state_->modules) {
        const ModuleRegistrations& registered = *module->registered;
        ModuleStatistics of_module;
        of_module.position = module->position;
        of_module.entry = entry_in(state_->names, module->position);
        of_module.module = module->configured.name;
        of_module.library = module->configured.library.string();
        if (module->definition().version != nullptr) of_module.version = module->definition().version;
        of_module.config = module->masked_config();
        if (module->configured.rules != nullptr) {
            of_module.mode = module->configured.rules->of_entry.mode;
            of_module.share = module->configured.rules->of_entry.share;
        }
        for (const async::callback_identity* const callback : registered.callbacks) {
            ModuleStatistics of_callback;
            of_callback.callbacks.push_back(counted(*callback));
            of_callback.callbacks.back().place = places.at(callback);
            of_module.add(of_callback);
        }
        // A dispatcher has counted them as runs.
        for (CallbackCounts& counts : of_module.callbacks) {
            if (registered.limits == nullptr) continue;
            const std::uint64_t not_asked = registered.limits->not_asked(counts.callback);
            counts.calls -= not_asked;
            counts.shadow = registered.limits->in_shadow(counts.callback);
            counts.passed_by = not_asked - std::min(not_asked, counts.shadow.runs + counts.shadow.skipped);
            counts.breaker = registered.limits->breaker(counts.callback);
            const CallbackRule rule = registered.limits->in_force(counts.callback);
            counts.mode = rule.mode;
            counts.share = rule.share;
        }
        of_module.web_resources = registered.web_resources;
        for (const std::string& path : registered.web_resources) {
            const async::callback_identity* const served = environment.lists.resources.identity_of(path);
            if (served != nullptr) of_module.web_resource_calls.push_back(counted(*served));
        }
        for (const async::cached_function* const function : registered.cached_functions)
            of_module.caches.push_back({std::string(function->name()), function->counters()});
        for (const async::callback_identity* const kind : {&registered.background, &registered.background_of_one}) {
            const CallbackCounts background = counted(*kind);
            of_module.background_calls += background.calls;
            of_module.failed_background_calls += background.failed;
        }
        for (const auto& [desc, process] : registered.processes) of_module.background_processes.push_back(counted(*process));
        of_module.http_client = module->api->http_client().counts();
        of_module.database = registered.database.counts();
        all.push_back(std::move(of_module));
    }
    return all;
}

}  // namespace modapi
