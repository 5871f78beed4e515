#include "module_host_state.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/start_step.h>

#include <async/callback_frame.h>
#include <async/driven_task.h>
#include <async/sleep.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace modapi {

namespace {

std::string in_seconds(async::clock::duration time) {
    std::string text = std::to_string(std::chrono::duration<double>(time).count());
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " s";
}

/// What came of a function of a module's.
struct Outcome {
    std::string failure;             ///< empty: nothing went wrong
    bool was_cut = false;            ///< at the end of its time
    std::vector<std::string> place;  ///< the key of the module's configuration that the failure is about, if it names one
};

async::task<void> call(ModuleInstance::Function function, void* module) {
    async::task<void> running = function(module);
    co_await std::move(running);
}

async::task<void> call_prepare(ModuleInstance& module) {
    async::task<std::shared_ptr<const void>> preparing = module.definition().prepare(module.configured.parsed, *module.api);
    module.prepared = co_await std::move(preparing);
    module.is_prepared = true;
}

/// Runs a function of a module's until `end`, in its name.
async::task<Outcome> run_until(async::task<void> function, async::callback_identity& what, async::clock::time_point end) {
    const async::context& outer = co_await async::this_context;
    async::callback_frame frame(outer);
    frame.enter(what);
    const async::clock::duration left = std::max(end - outer.clock().now(), async::clock::duration(0));
    std::exception_ptr failure;
    Outcome outcome;
    try {
        async::task<void> running = async::with_deadline(left, std::move(function));
        const bool has_ended = async::detail::driven_task<void>::start(running, frame.here());
        if (!has_ended) {
            frame.leave();  // it waits: nobody is on the stack until it is resumed
            async::detail::driven_task<void> rest(running);
            co_await rest;
        }
        async::detail::driven_task<void>::take(running);
    } catch (const async::deadline_exceeded&) {
        failure = std::current_exception();
        outcome.was_cut = outer.clock().now() >= end;
    } catch (const callbacks::ConfigError& error) {
        failure = std::current_exception();
        outcome.place = error.path();
    } catch (...) {
        failure = std::current_exception();
    }
    frame.leave();
    if (failure) outcome.failure = callbacks::message_of(failure);
    co_return outcome;
}

/// What is said of a start, ready or stop; empty: nothing went wrong. `limit` is what the operator allowed and reads in a
/// message: modules that stop share it, so what is left of it when one begins is a number of no use.
std::string line_of(const Outcome& outcome, std::string_view function, async::clock::duration limit) {
    if (outcome.was_cut) return std::string(function) + "() has not ended within " + in_seconds(limit);
    if (outcome.failure.empty()) return std::string();
    return std::string(function) + "() failed: " + outcome.failure;
}

}  // namespace

async::task<void> ModuleHost::State::stop_modules(std::vector<ModuleInstance*> instances) {
    const async::clock::time_point end = environment.where.clock->now() + settings.stop_deadline;
    for (auto each = instances.rbegin(); each != instances.rend(); ++each) {
        ModuleInstance& module = **each;
        if (!std::exchange(module.is_started, false) || module.definition().stop == nullptr) continue;
        async::task<Outcome> stopping =
            run_until(call(module.definition().stop, module.object.get()), module.stopping, end);
        const Outcome outcome = co_await std::move(stopping);
        const std::string failure = line_of(outcome, module.stopping.callback, settings.stop_deadline);
        if (!failure.empty()) framework_log().error("module {}: {}", module.configured.name, failure);
    }
    // What a stop() asked for ends at once.
    async::task<void> ending = join_background(instances);
    co_await std::move(ending);
}

async::task<void> ModuleHost::State::join_background(std::vector<ModuleInstance*> instances) {
    for (const ModuleInstance* const module : instances) module->registered->background_calls.cancel();
    for (const ModuleInstance* const module : instances) {
        async::task<void> ending = module->registered->background_calls.join();
        co_await std::move(ending);
    }
}

async::task<void> ModuleHost::State::join_threads(std::vector<ModuleInstance*> instances) {
    for (const ModuleInstance* const module : instances) {
        async::task<void> returning = module->registered->deferred_calls.all_returned();
        co_await std::move(returning);
    }
}

async::task<std::optional<BeginFailure>> ModuleHost::State::prepare(std::vector<ModuleInstance*> instances) {
    const async::context& here = co_await async::this_context;
    for (ModuleInstance* const module : instances) {
        if (!module->configured.has_to_be_prepared()) continue;
        here.throw_if_cancelled();
        const async::clock::time_point end = environment.where.clock->now() + settings.start_deadline;
        const StartStep step(*module->configured.file, module->configured.path, "the preparation", module->configured.name,
                             worker(), async::running_callback_mark::of(environment.where));
        async::task<Outcome> preparing = run_until(call_prepare(*module), module->preparing, end);
        Outcome outcome = co_await std::move(preparing);
        if (outcome.failure.empty()) continue;
        here.throw_if_cancelled();
        BeginFailure failure;
        failure.module = module->configured;
        failure.place = std::move(outcome.place);
        failure.message = std::move(outcome.failure);
        if (outcome.was_cut) failure.message = "it couldn't be prepared within " + in_seconds(settings.start_deadline);
        co_return std::optional<BeginFailure>(std::move(failure));
    }
    co_return std::nullopt;
}

async::task<std::optional<BeginFailure>> ModuleHost::State::begin_module(ModuleInstance& module,
                                                                         ModuleInstance::Function function,
                                                                         async::callback_identity& what) {
    if (function == nullptr) co_return std::nullopt;
    const async::clock::duration limit = settings.start_deadline;
    const async::clock::time_point end = environment.where.clock->now() + limit;
    BeginFailure failure;
    const StartStep step(*module.configured.file, module.configured.path, std::string(what.callback) + "()",
                         module.configured.name, worker(), async::running_callback_mark::of(environment.where));
    async::task<Outcome> beginning = run_until(call(function, module.object.get()), what, end);
    Outcome outcome = co_await std::move(beginning);
    failure.message = line_of(outcome, what.callback, limit);
    if (failure.message.empty()) co_return std::nullopt;
    failure.place = std::move(outcome.place);
    failure.module = module.configured;
    failure.callback = what.callback;
    co_return std::optional<BeginFailure>(std::move(failure));
}

async::task<std::optional<BeginFailure>> ModuleHost::State::begin_modules(std::vector<ModuleInstance*> instances) {
    for (ModuleInstance* const module : instances) {
        async::task<std::optional<BeginFailure>> starting = begin_module(*module, module->definition().start, module->starting);
        std::optional<BeginFailure> failure = co_await std::move(starting);
        if (failure) co_return failure;
        module->is_started = true;
    }
    // Only now: a module finds what all others have made.
    for (ModuleInstance* const module : instances) {
        async::task<std::optional<BeginFailure>> becoming_ready =
            begin_module(*module, module->definition().ready, module->becoming_ready);
        std::optional<BeginFailure> failure = co_await std::move(becoming_ready);
        if (failure) co_return failure;
    }
    co_return std::nullopt;
}

async::task<void> ModuleHost::start_modules() {
    State& state = *state_;
    async::task<std::optional<BeginFailure>> beginning = state.begin_modules(pointers_to(state.modules));
    const std::optional<BeginFailure> failure = co_await std::move(beginning);
    if (failure) {
        async::task<void> stopping = stop();
        co_await std::move(stopping);
        failure->module.fail(failure->place, failure->message, state.worker(), failure->callback);
    }
    for (const std::unique_ptr<ModuleInstance>& module : state.modules) module->registered->begin();
    state.environment.begin_expiry();
}

async::task<void> ModuleHost::stop() {
    State& state = *state_;
    async::task<void> abandoning = abandon_next();
    co_await std::move(abandoning);
    state.environment.background.cancel();
    state.environment.shadow_runs.scope().cancel();
    for (const RetiredModules* const old : state.retired) old->shadow_runs->cancel();
    async::task<void> ending = state.environment.background.join();
    co_await std::move(ending);
    const std::vector<ModuleInstance*> instances = pointers_to(state.modules);
    async::task<void> ending_of_calls = State::join_background(instances);
    co_await std::move(ending_of_calls);
    async::task<void> ending_in_shadow = state.environment.shadow_runs.scope().join();
    co_await std::move(ending_in_shadow);
    async::task<void> retiring = state.retiring.join();
    co_await std::move(retiring);
    async::task<void> stopping = state.stop_modules(instances);
    co_await std::move(stopping);
    // What threads still do in the modules' name uses them.
    async::task<void> returning = State::join_threads(instances);
    co_await std::move(returning);
    state.destroy_modules();
}

}  // namespace modapi
