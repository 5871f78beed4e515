#include "module_host_state.h"
#include "worker_group_state.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/rule_change.h>

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <async/limiter.h>
#include <async/notification.h>
#include <async/run_on.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace modapi {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;

std::optional<std::size_t> position_in(std::string_view text) {
    std::size_t position = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return position;
}

/// The entry that is meant, and that may have the change; the latter isn't known where it doesn't run.
struct Changeable {
    ChangedRules entry;
    bool runs_here = false;
};

Changeable changeable(const ModuleHost* modules, const std::string& which, const RuleChange& change) {
    Changeable asked;
    ChangedRules& found = asked.entry;
    const std::vector<std::size_t> named = modules->positions_of(which);
    if (named.size() > 1) {
        std::string positions;
        for (const std::size_t position : named) positions += (positions.empty() ? "" : ", ") + std::to_string(position);
        throw SynapseError(
            400, "Several entries of modules: have the module " + which + "; say which, by its position: " + positions,
            Codes::INVALID_PARAM);
    }
    const std::optional<std::size_t> position = named.empty() ? position_in(which) : named.front();
    if (position) found.module = modules->module_at(*position);
    if (found.module.empty()) throw SynapseError(404, "There is no entry " + which + " of modules:", Codes::NOT_FOUND);
    found.position = *position;
    asked.runs_here = modules->runs(found.position);
    const std::string refusal = asked.runs_here ? modules->refusal_of(found.position, change) : std::string();
    if (!refusal.empty()) throw SynapseError(400, refusal + " (module " + found.module + ")", Codes::INVALID_PARAM);
    return asked;
}

/// Which workers have changed their rules. Thread: that of who asked for it.
struct ChangingWorkers {
    explicit ChangingWorkers(std::size_t workers) : have_changed(workers) {}

    std::vector<char> have_changed;
    async::notification one_has;
};

async::task<void> all_have_changed(std::shared_ptr<ChangingWorkers> changing) {
    while (std::find(changing->have_changed.begin(), changing->have_changed.end(), 0) != changing->have_changed.end())
        co_await changing->one_has.wait();
}

}  // namespace

std::string ModuleHost::module_at(std::size_t position) const {
    return position < state_->names.size() ? state_->names[position] : std::string();
}

std::vector<std::size_t> ModuleHost::positions_of(std::string_view module) const {
    std::vector<std::size_t> positions;
    for (std::size_t position = 0; position < state_->names.size(); ++position) {
        if (state_->names[position] == module) positions.push_back(position);
    }
    return positions;
}

bool ModuleHost::runs(std::size_t position) const noexcept { return state_->instance_at(position) != nullptr; }

std::string ModuleHost::refusal_of(std::size_t position, const RuleChange& change) const {
    const ModuleInstance& instance = *state_->instance_at(position);
    return change.refusal(instance.configured.rules.get(), instance.registered->callback_names());
}

void ModuleHost::change_rules(std::size_t position, std::string_view module, const RuleChange& change) {
    ModuleInstance* const instance = state_->instance_at(position);
    if (instance == nullptr || module_at(position) != module) return;
    ModuleEnvironment& environment = state_->environment;
    ModuleRegistrations& registered = *instance->registered;
    if (registered.limits == nullptr) {
        registered.limits = std::make_unique<ModuleLimits>(std::make_shared<const ModuleRules>(), *environment.where.clock,
                                                           environment.dispatch_settings);
    }
    ModuleLimits& limits = *registered.limits;
    for (const async::callback_identity* const callback : registered.callbacks) {
        const std::shared_ptr<async::limiter> limiter = limits.limiter_of(callback->callback);
        const bool is_limited = callback->how.is_shadowed != nullptr;
        if (!is_limited) callbacks::limit_registered(environment.lists.hooks, *callback, limiter);
        CallbackRule rule = limits.in_force(callback->callback);
        change.apply_to(rule, limits.configured().of(callback->callback), callback->callback);
        limiter->set_share(rule.share);
        limiter->set_mode(rule.mode);
    }
}

void ModuleHost::restore_rules() {
    for (const std::unique_ptr<ModuleInstance>& module : state_->modules) {
        const ModuleRegistrations* const registered = module->registered.get();
        if (registered->limits == nullptr) continue;
        for (const async::callback_identity* const callback : registered->callbacks) {
            const CallbackRule& configured = registered->limits->configured().of(callback->callback);
            if (callback->how.is_shadowed == nullptr) continue;  // nothing has ever limited it
            async::limiter& limiter = *registered->limits->limiter_of(callback->callback);
            limiter.set_share(configured.share);
            limiter.set_mode(configured.mode);
        }
    }
}

async::task<ChangedRules> WorkerGroup::change_rules(std::string which, RuleChange change, std::chrono::milliseconds limit) {
    const async::context& here = co_await async::this_context;
    HostWorker* own = &worker(0);
    for (std::size_t index = 0; index < size(); ++index) {
        if (worker(index).where().executor == here.executor()) own = &worker(index);
    }
    // On the worker that it is asked of, which runs: all have the same list, and one that is blocked must not keep the others
    // from being relieved of what blocks it. What doesn't run on all workers runs on the first, or on none.
    Changeable asked;
    for (HostWorker* const host : {own, &worker(0)}) {
        const ModuleHost* const modules = &host->modules();
        async::task<Changeable> finding = async::run_on(host->where().executor, &changeable, modules, which, change);
        asked = co_await std::move(finding);
        if (asked.runs_here) break;
    }
    if (!asked.runs_here) {
        throw SynapseError(404, "The entry " + std::to_string(asked.entry.position) + " of modules: (module " + asked.entry.module +
                                    ") doesn't run in this process, as its run_on says", Codes::NOT_FOUND);
    }
    ChangedRules changed = std::move(asked.entry);
    const auto changing = std::make_shared<ChangingWorkers>(size());
    {
        const std::scoped_lock lock(state_->telling_all);
        for (std::size_t index = 0; index < size(); ++index) {
            HostWorker* const host = &worker(index);
            boost::asio::post(host->where().executor,
                              [=, position = changed.position, module = changed.module, home = here.executor()] {
                                  try {
                                      host->modules().change_rules(position, module, change);
                                  } catch (...) {
                                      framework_log().error("changing the rules of module {} on worker {} failed: {}", module,
                                                            host->name(), callbacks::message_of(std::current_exception()));
                                  }
                                  boost::asio::post(home, [changing, index] {
                                      changing->have_changed[index] = 1;
                                      changing->one_has.notify_all();
                                  });
                              });
        }
    }
    try {
        async::task<void> waiting = async::with_deadline(limit, all_have_changed(changing));
        co_await std::move(waiting);
    } catch (const async::deadline_exceeded&) {  // NOLINT: who is missing is told
    }
    for (std::size_t index = 0; index < size(); ++index) {
        if (changing->have_changed[index] == 0) changed.later.push_back(worker(index).name());
    }
    co_return changed;
}

}  // namespace modapi
