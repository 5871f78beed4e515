#include "module_host_state.h"

#include <modapi/hosting/log.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <malloc.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

/// How a list of modules takes the place of another one on one worker.
namespace modapi {

namespace {

/// Decides which instance stays for which entry, and whose place a new one takes: of several entries that would do, the first each.
class Matches {
public:
    Matches(const ModuleInstances& instances, std::int64_t term) : free_(pointers_to(instances)), term_(term) {}

    /// One that goes on as it is; null: none does. One that had to do without what only one may have would get it now.
    [[nodiscard]] ModuleInstance* same_as(const ConfiguredModule& entry) {
        return take([&](const ModuleInstance& instance) {
            return !instance.registered->was_refused && instance.registered->term.number == term_ &&
                   entry.is_same_as(instance.configured);
        });
    }
    [[nodiscard]] ModuleInstance* of_name(const std::string& name) {
        return take([&](const ModuleInstance& instance) { return instance.configured.name == name; });
    }
    [[nodiscard]] const std::vector<ModuleInstance*>& left() const noexcept { return free_; }

private:
    template <class Predicate>
    ModuleInstance* take(const Predicate& fits) {
        const auto found = std::find_if(free_.begin(), free_.end(), [&](const ModuleInstance* each) { return fits(*each); });
        if (found == free_.end()) return nullptr;
        ModuleInstance* const taken = *found;
        free_.erase(found);
        return taken;
    }

    std::vector<ModuleInstance*> free_;
    std::int64_t term_;
};

/// The names that new instances get, beside those that stay.
class FreeNames {
public:
    explicit FreeNames(const NextModules& next) {
        for (const NextModule& module : next.modules) {
            if (module.kept != nullptr) taken_.insert(module.kept->registered->name_among_workers);
        }
        // What runs on other workers only has its names too.
        for (std::size_t position = 0; position < next.names.size(); ++position) {
            const bool runs_here = std::any_of(next.modules.begin(), next.modules.end(),
                                               [&](const NextModule& module) { return module.position == position; });
            if (!runs_here) taken_.insert(name_among_workers(next.names[position], entry_in(next.names, position)));
        }
    }
    /// That of its entry if it is free, as on a worker that begins with this list.
    [[nodiscard]] std::string take(const std::string& module, int of_entry) {
        std::string name = name_among_workers(module, of_entry);
        for (int entry = 1; !taken_.insert(name).second; ++entry) name = name_among_workers(module, entry);
        return name;
    }

private:
    std::set<std::string> taken_;
};

/// Two instances lived beside each other; what the old one has left in between would stay with the process.
void give_memory_back() noexcept {
#if defined(__GLIBC__)
    // Where another allocator is in use this is the first that glibc's hears of, and two threads would set it up at once.
    static std::mutex one_at_a_time;
    const std::scoped_lock lock(one_at_a_time);
    ::malloc_trim(0);  // milliseconds, once for each change
#endif
}

std::vector<ModuleInstance*> made_of(const std::vector<NextModule>& modules) {
    std::vector<ModuleInstance*> made;
    for (const NextModule& module : modules) {
        if (module.made != nullptr) made.push_back(module.made.get());
    }
    return made;
}

/// A call of a module's own function, of which a failure is one about its entry.
template <class Call>
auto call_for(const ConfiguredModule& entry, const async::environment& where, const async::callback_identity& what,
              const std::string& worker, Call&& call) {
    std::vector<std::string> place;
    std::string message;
    try {
        const InNameOf function(where, what);
        return call();
    } catch (const callbacks::ConfigError& error) {
        place = error.path();
        message = error.what();
    } catch (...) {
        message = callbacks::message_of(std::current_exception());
    }
    const std::string name(what.callback);
    entry.fail(place, name + "() failed: " + message, worker, name);
}

}  // namespace

ModuleChanges ModuleHost::State::make_room_for_next(const std::vector<ConfiguredModule>& list, const BackgroundTerm& for_term) {
    if (next) throw std::logic_error("there are modules already that are to take the others' place");
    ModuleChanges changes;
    Matches matches(modules, for_term.number);
    NextModules& made = next.emplace();
    made.term = for_term;
    made.lists.resources = WebResources(settings.reserved_paths);
    for (const ConfiguredModule& entry : list) {
        made.names.push_back(entry.name);
        if (!runs_here(entry, for_term)) continue;
        NextModule& module = made.modules.emplace_back();
        module.configured = entry;
        module.position = made.names.size() - 1;
        module.kept = matches.same_as(entry);
    }
    for (NextModule& module : made.modules) {
        if (module.kept == nullptr) module.predecessor = matches.of_name(module.configured.name);
        std::vector<std::string>& change = module.kept != nullptr          ? changes.kept
                                           : module.predecessor != nullptr ? changes.replaced
                                                                           : changes.added;
        change.push_back(module.configured.name);
    }
    for (const ModuleInstance* const left : matches.left()) changes.removed.push_back(left->configured.name);
    FreeNames free(made);
    for (NextModule& module : made.modules) {
        if (module.kept != nullptr) continue;
        make_room(module.made, module.configured, made.lists,
                  free.take(module.configured.name, entry_in(made.names, module.position)), made.term);
    }
    return changes;
}

void ModuleHost::State::construct_all_of_next() {
    for (NextModule& module : next->modules) {
        if (module.kept == nullptr) {
            construct(*module.made);
            continue;
        }
        const ModuleRegistrations& kept = *module.kept->registered;
        try {
            callbacks::add_from(next->lists.hooks, environment.lists.hooks, kept.registrant);
        } catch (const callbacks::RegistrationError& error) {
            module.configured.fail({}, error.what(), worker());
        }
        for (const std::string& path : kept.web_resources) {
            if (next->lists.resources.add_from(environment.lists.resources, path)) continue;
            module.configured.fail({}, "its web resource " + path + " is one of module " +
                                           std::string(next->lists.resources.owner(path)) + ", which comes before it now",
                                   worker());
        }
    }
    next->lists.resources.close();
}

async::task<ModuleChanges> ModuleHost::prepare_next(std::vector<ConfiguredModule> modules) {
    return prepare_next(std::move(modules), state_->term);
}

async::task<ModuleChanges> ModuleHost::prepare_next(std::vector<ConfiguredModule> modules, BackgroundTerm term) {
    State& state = *state_;
    ModuleChanges changes = state.make_room_for_next(modules, term);
    async::task<std::optional<BeginFailure>> preparing = state.prepare(made_of(state.next->modules));
    const std::optional<BeginFailure> failure = co_await std::move(preparing);
    if (failure) failure->module.fail(failure->place, failure->message, state.worker());
    co_return changes;
}

void ModuleHost::build_next() {
    if (!state_->next) throw std::logic_error("no modules were prepared that are to take the others' place");
    state_->construct_all_of_next();
}

ModuleChanges ModuleHost::build_next(const std::vector<ConfiguredModule>& modules) { return build_next(modules, state_->term); }

ModuleChanges ModuleHost::build_next(const std::vector<ConfiguredModule>& modules, const BackgroundTerm& term) {
    State& state = *state_;
    ModuleChanges changes = state.make_room_for_next(modules, term);
    try {
        state.construct_all_of_next();
    } catch (...) {
        state.discard_next();
        throw;
    }
    return changes;
}

async::task<void> ModuleHost::start_next() {
    State& state = *state_;
    async::task<std::optional<BeginFailure>> beginning = state.begin_modules(made_of(state.next->modules));
    const std::optional<BeginFailure> failure = co_await std::move(beginning);
    if (failure) failure->module.fail(failure->place, failure->message, state.worker(), failure->callback);
}

void ModuleHost::hand_over() {
    State& state = *state_;
    const async::environment& where = state.environment.where;
    for (NextModule& module : state.next->modules) {
        if (module.made == nullptr || module.predecessor == nullptr) continue;
        ModuleInstance& from = *module.predecessor;
        ModuleInstance& to = *module.made;
        if (from.definition().save == nullptr || to.definition().restore == nullptr) continue;
        callbacks::JsonDict saved = call_for(module.configured, where, from.saving, state.worker(),
                                             [&] { return from.definition().save(from.object.get()); });
        call_for(module.configured, where, to.restoring, state.worker(),
                 [&] { to.definition().restore(to.object.get(), std::move(saved)); });
    }
}

void ModuleHost::serve_next() {
    State& state = *state_;
    ModuleEnvironment& environment = state.environment;
    NextModules& next = *state.next;
    auto old = std::make_unique<RetiredModules>();
    // Those that are kept may have registered more since the others were built.
    for (const NextModule& module : next.modules) {
        const ModuleInstance& instance = module.kept != nullptr ? *module.kept : *module.made;
        const ModuleLists& lists = module.kept != nullptr ? environment.lists : next.lists;
        callbacks::add_from(old->lists.hooks, lists.hooks, instance.registered->registrant);
    }
    ModuleInstances serving;
    for (NextModule& module : next.modules) {
        if (module.kept == nullptr) {
            module.made->registered->lists = &environment.lists;
            module.made->position = module.position;
            serving.push_back(std::move(module.made));
            continue;
        }
        const auto kept = std::find_if(state.modules.begin(), state.modules.end(),
                                       [&](const std::unique_ptr<ModuleInstance>& each) { return each.get() == module.kept; });
        serving.push_back(std::move(*kept));
        serving.back()->take_over(module.configured);
        serving.back()->position = module.position;
    }
    std::erase(state.modules, nullptr);
    old->instances = std::exchange(state.modules, std::move(serving));
    state.names = std::move(next.names);
    callbacks::exchange(environment.lists.hooks, old->lists.hooks);
    old->lists.resources = std::exchange(environment.lists.resources, std::move(next.lists.resources));
    old->generation = state.waiting.begin_generation();
    old->shadow_runs = environment.shadow_runs.begin_another_scope();
    environment.dispatch_settings.shadow_runs = &environment.shadow_runs.scope();
    state.term = next.term;
    state.next.reset();
    state.retired.push_back(old.get());
    for (const std::unique_ptr<ModuleInstance>& instance : old->instances) instance->registered->background_calls.cancel();
    for (const std::unique_ptr<ModuleInstance>& instance : state.modules) {
        if (!instance->registered->has_begun()) instance->registered->begin();
    }
    restore_rules();
    environment.begin_expiry();
    state.retiring.spawn("ending replaced modules", State::retire(state, std::move(old)));
}

async::task<void> ModuleHost::State::retire(State& self, std::unique_ptr<RetiredModules> old) {
    const std::vector<ModuleInstance*> instances = pointers_to(old->instances);
    async::task<void> joining = join_background(instances);
    co_await std::move(joining);
    async::task<void> last_calls = async::waiting_runs::ended(self.waiting, old->generation);
    co_await std::move(last_calls);
    async::task<void> last_shadow_runs = old->shadow_runs->join();
    co_await std::move(last_shadow_runs);
    for (const ModuleInstance* const instance : instances) {
        async::task<void> last_uses = instance->registered->uses.ended();
        co_await std::move(last_uses);
    }
    async::task<void> stopping = self.stop_modules(instances);
    co_await std::move(stopping);
    async::task<void> returning = join_threads(instances);
    co_await std::move(returning);
    self.let_watchdog_forget();
    self.callback_log.forget();
    old->lists.hooks = callbacks::Dispatchers();
    old->lists.resources = WebResources();
    std::vector<std::string> ended;
    for (const ModuleInstance* const instance : instances) ended.push_back(instance->configured.name);
    self.destroy_from_last(old->instances);
    std::erase(self.retired, old.get());
    old.reset();
    give_memory_back();
    for (const std::string& name : ended) framework_log().info("module {}: its old instance has ended", name);
}

void ModuleHost::State::discard_next() {
    next->lists = ModuleLists();
    while (!next->modules.empty()) {
        if (next->modules.back().made != nullptr) destroy(*next->modules.back().made);
        next->modules.pop_back();
    }
    next.reset();
}

async::task<void> ModuleHost::abandon_next() {
    State& state = *state_;
    if (!state.next) co_return;
    const std::vector<ModuleInstance*> made = made_of(state.next->modules);
    async::task<void> stopping = state.stop_modules(made);
    co_await std::move(stopping);
    async::task<void> returning = State::join_threads(made);
    co_await std::move(returning);
    state.discard_next();
}

}  // namespace modapi
