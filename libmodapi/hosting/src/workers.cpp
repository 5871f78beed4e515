#include "reloads.h"
#include "worker_group_state.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_code.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/process_name.h>

#include <callbacks/errors.h>

#include <async/callback_frame.h>
#include <async/co_spawn.h>
#include <async/sync_wait.h>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace modapi {

namespace {

void log_step_failure(const std::exception_ptr& failure, std::string_view what) {
    if (!failure) return;
    try {
        std::rethrow_exception(failure);
    } catch (const async::operation_cancelled&) {  // NOLINT: what was cut has ended
    } catch (...) {
        framework_log().error("{} failed: {}", what, callbacks::message_of(failure));
    }
}

/// What a process's thread is called.
std::string name_of_worker(const std::optional<std::string>& process, std::size_t index) {
    if (index == 0) return process.value_or(std::string(main_process));
    return (process ? *process + "-" : std::string("worker")) + std::to_string(index);
}

/// What an operation that a waiting thread asked for comes to.
struct Awaited {
    std::promise<void> done;
    std::optional<HostError> error;
};

}  // namespace

WorkerGroup::Thread::Thread(std::string own_name)
    : name(std::move(own_name)), works(io.get_executor()), where([this] {
          async::environment made(io.get_executor());
          made.observer = on_stack.get();
          return made;
      }()) {}

WorkerGroup::State::State(WorkerGroupSettings how)
    : settings(std::move(how)),
      blocking_threads(settings.blocking_threads),
      decisions(settings.decisions.in_memory, process_name_of(settings)),
      front_works(front.get_executor()),
      signals(front),
      reload_signals(front) {
    if (settings.process == nullptr) own_deadline.emplace();
    if (settings.read_modules || settings.processes != nullptr)
        reloads = std::make_unique<Reloads>(threads, telling_all, settings.read_modules, settings.processes);
}

WorkerGroup::State::~State() = default;

WorkerGroup::WorkerGroup(WorkerGroupSettings settings, Database& database, const std::vector<ConfiguredModule>& modules,
                         const Factory& factory) {
    if (settings.log != nullptr) set_log(settings.log);
    state_ = std::make_unique<State>(std::move(settings));
    try {
        build(modules, database, factory);
        start_modules();
        start_threads();
    } catch (...) {
        const HostError failure = described(HostPhase::starting, nullptr, std::current_exception());
        abandon(failure);
        throw HostError(failure);
    }
}

WorkerGroup::~WorkerGroup() {
    try {
        stop();
    } catch (const HostError& failure) {
        framework_log().error("{}", failure.what());
    }
    state_->threads.clear();
    state_->blocking_threads.join();
    forget_process();
}

HostError WorkerGroup::described(HostPhase phase, const Thread* thread, const std::exception_ptr& failure) {
    HostError::Place place;
    place.phase = phase;
    if (thread != nullptr) place.worker = thread->name;
    const std::string where = thread != nullptr ? "worker " + thread->name + ": " : std::string();
    try {
        std::rethrow_exception(failure);
    } catch (const HostError& error) {
        return error;
    } catch (const ConfigurationError& error) {  // has its place already
        place.module = error.module();
        place.callback = error.callback();
        return {error.what(), std::move(place), failure};
    } catch (...) {
        const async::callback_identity* origin = nullptr;
        if (thread != nullptr && thread->host != nullptr) origin = thread->host->modules().origin_of(failure);
        std::string line = where;
        if (origin != nullptr) {
            place.module = origin->module;
            place.callback = origin->callback;
            line += place.callback + " of module " + place.module + " failed: ";
        }
        return {line + callbacks::message_of(failure), std::move(place), failure};
    }
}

void WorkerGroup::build(const std::vector<ConfiguredModule>& modules, Database& database, const Factory& factory) {
    State& state = *state_;
    const auto count = static_cast<std::size_t>(std::max(state.settings.count, 1));
    state.watchdog.watch(database, state.settings.each.blocked_thread);
    open_decision_store(database);
    for (std::size_t index = 0; index < count; ++index)
        state.threads.push_back(std::make_unique<Thread>(name_of_worker(state.settings.worker_name, index)));
    join_processes(database);
    if (state.reloads != nullptr) state.reloads->serve_first(modules);
    for (std::size_t index = 0; index < count; ++index) {
        Thread& thread = *state.threads[index];
        WorkerSettings settings = state.settings.each;
        settings.worker_name.reset();
        settings.worker_app.reset();
        if (index > 0 || state.settings.worker_name) {
            settings.worker_name = thread.name;
            settings.worker_app = state.settings.worker_app;
        }
        settings.process_name = state.settings.worker_name.value_or(std::string(main_process));
        settings.run_background_tasks = index == 0;
        if (index == 0 && state.settings.processes != nullptr) {
            const std::int64_t term = state.settings.processes->background_term();
            settings.run_background_tasks = term != 0;
            settings.background_term.number = term;
            settings.background_term.lease = ProcessGroup::lease_of(term);
        }
        settings.broadcasts = &state.broadcasts;
        settings.shared_invalidations = state.shared_invalidations ? &*state.shared_invalidations : nullptr;
        settings.place = WorkerPlace{index, count};
        settings.watchdog = &state.watchdog;
        settings.decisions = &state.decisions;
        const WorkerContext place{index, thread.name, thread.where, database, state.bus(), state.blocking_threads,
                                  std::move(settings), *this};
        try {
            const WorkerOnThread on_this_thread(thread.name, *thread.on_stack);
            thread.host = factory(place);
            build_modules(thread, modules);
        } catch (...) {
            throw described(HostPhase::building, &thread, std::current_exception());
        }
    }
}

void WorkerGroup::build_modules(Thread& thread, const std::vector<ConfiguredModule>& modules) {
    ModuleHost& host = thread.host->modules();
    const bool waits = std::any_of(modules.begin(), modules.end(),
                                   [](const ConfiguredModule& module) { return module.has_to_be_prepared(); });
    // Nothing of the thread's runs before the modules are built, unless one of them needs that.
    if (!waits) return host.construct_modules(modules);
    async::sync_wait(thread.io, thread.where, host.prepare_modules(modules));
    host.construct_modules();
}

void WorkerGroup::start_modules() {
    for (const std::unique_ptr<Thread>& thread : state_->threads) {
        try {
            const WorkerOnThread on_this_thread(thread->name, *thread->on_stack);
            async::sync_wait(thread->io, thread->where, thread->host->modules().start_modules());
        } catch (...) {
            throw described(HostPhase::starting, thread.get(), std::current_exception());
        }
    }
    for (const std::unique_ptr<Thread>& thread : state_->threads) {
        try {
            thread->host->begin();
        } catch (...) {
            throw described(HostPhase::starting, thread.get(), std::current_exception());
        }
    }
}

void WorkerGroup::start_threads() {
    State& state = *state_;
    if (state.settings.process != nullptr) {
        if (state.settings.read_modules) state.settings.process->reload_by([this] { request_reload("SIGHUP"); });
        state.settings.process->stop_by([this] { request_stop(); }, state.settings.time_to_stop);
    } else {
        for (const int signal : state.settings.signals) state.signals.add(signal);
        state.signals.async_wait([this](const boost::system::error_code& error, int) {
            if (!error) state_->is_to_stop = true;
        });
        if (state.settings.read_modules) {
            state.reload_signals.add(SIGHUP);
            await_reload_signal();
        }
    }
    start_to_keep_decisions();
    state.has_started = true;
    if (state.term_at_start) change_background_term(*state.term_at_start);
    for (const std::unique_ptr<Thread>& thread : state.threads) {
        thread->io.restart();
        thread->thread = std::thread([this, running = thread.get()] { run_thread(*running); });
    }
    state.answers.store(true, std::memory_order_release);
}

void WorkerGroup::await_reload_signal() {
    state_->reload_signals.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        request_reload("SIGHUP");
        await_reload_signal();
    });
}

void WorkerGroup::forget_process() {
    if (state_->settings.process == nullptr) return;
    state_->settings.process->reload_by(nullptr);
    state_->settings.process->stop_by(nullptr, std::chrono::milliseconds(0));
}

void WorkerGroup::run_thread(Thread& thread) {
    const WorkerOnThread on_this_thread(thread.name, *thread.on_stack);
    bool has_ended = false;
    while (!has_ended) {
        try {
            thread.io.run();
            has_ended = true;
        } catch (...) {
            fail_on(thread, std::current_exception());
        }
    }
}

void WorkerGroup::fail_on(const Thread& thread, const std::exception_ptr& failure) noexcept {
    try {
        fail(described(HostPhase::serving, &thread, failure));
    } catch (...) {
        state_->deadline().arm(state_->settings.time_to_stop, true, "stopping because of a failure that there is no memory to tell");
    }
}

void WorkerGroup::fail(const HostError& failure) {
    {
        const std::scoped_lock lock(state_->mutex);
        if (!state_->failure) state_->failure = failure;
    }
    request_stop();
}

void WorkerGroup::abandon(const HostError& failure) {
    state_->deadline().arm(state_->settings.time_to_stop, true, failure.what());
    for (const std::unique_ptr<Thread>& thread : state_->threads) {
        if (thread->thread.joinable()) {
            thread->io.stop();
            thread->thread.join();
        }
        if (thread->host == nullptr) continue;
        try {
            const WorkerOnThread on_this_thread(thread->name, *thread->on_stack);
            async::sync_wait(thread->io, thread->where, end(*thread, std::chrono::milliseconds(0)));
        } catch (...) {
            log_step_failure(std::current_exception(), "stopping the modules");
        }
    }
    if (state_->settings.processes != nullptr) state_->settings.processes->stop();
    state_->threads.clear();
    state_->blocking_threads.join();
    forget_process();
}

void WorkerGroup::run(const std::function<void()>& body) {
    try {
        body();
    } catch (...) {
        // A destructor on the exception's way couldn't read it. What serve() throws comes when all has ended.
        const HostError failure = described(HostPhase::serving, nullptr, std::current_exception());
        if (!state_->was_stopped) framework_log().error("stopping because of a failure: {}", failure.what());
        try {
            stop_for({}, true);
        } catch (const HostError& another) {
            framework_log().error("{}", another.what());
        }
        throw;
    }
    stop();
}

void WorkerGroup::serve(const std::function<void()>& on_stop) {
    State& state = *state_;
    while (!state.is_to_stop) {
        try {
            if (state.front.run_one() == 0) state.front.restart();
        } catch (...) {
            fail(described(HostPhase::serving, nullptr, std::current_exception()));
        }
    }
    stop_for(on_stop);
}

void WorkerGroup::request_stop() {
    boost::asio::post(state_->front, [this] { state_->is_to_stop = true; });
}

void WorkerGroup::stop() { stop_for({}); }

void WorkerGroup::stop_for(const std::function<void()>& on_stop, bool is_failure) {
    State& state = *state_;
    if (!std::exchange(state.was_stopped, true)) {
        state.stops.store(true, std::memory_order_relaxed);
        framework_log().info("stopping");
        std::string because;
        {
            const std::scoped_lock lock(state.mutex);
            if (state.failure) because = state.failure->what();
        }
        is_failure = is_failure || !because.empty() || std::uncaught_exceptions() > state.exceptions_before;
        state.deadline().arm(state.settings.time_to_stop, is_failure, because);
        try {
            end_all(on_stop);
        } catch (...) {
            // There is no memory for an orderly end, and what runs must not be destroyed: the deadline ends the program.
            for (;;) std::this_thread::sleep_for(state.settings.time_to_stop);
        }
    }
    const std::scoped_lock lock(state.mutex);
    if (state.failure) throw HostError(*std::exchange(state.failure, std::nullopt));
}

void WorkerGroup::end_all(const std::function<void()>& on_stop) {
    state_->answers.store(false, std::memory_order_release);
    if (state_->settings.processes != nullptr) state_->settings.processes->forget_handlers();
    try {
        if (on_stop) on_stop();
    } catch (...) {
        fail(described(HostPhase::stopping, nullptr, std::current_exception()));
    }
    on_each(&WorkerGroup::drain, "ending the requests");
    on_each(&WorkerGroup::end, "stopping the modules");
    // Its last words are the lease and the name, which others get at once.
    if (state_->settings.processes != nullptr) state_->settings.processes->stop();
    for (const std::unique_ptr<Thread>& thread : state_->threads) thread->io.stop();
    for (const std::unique_ptr<Thread>& thread : state_->threads) thread->thread.join();
}

void WorkerGroup::on_each(async::task<void> (*step)(Thread&, std::chrono::milliseconds), std::string_view what) {
    State& state = *state_;
    std::size_t reported = 0;
    for (const std::unique_ptr<Thread>& each : state.threads) {
        boost::asio::post(each->io, [&state, &reported, step, what, thread = each.get()] {
            async::co_spawn(thread->where, step(*thread, state.settings.grace),
                            [&state, &reported, what](const std::exception_ptr& failure) {
                                log_step_failure(failure, what);
                                boost::asio::post(state.front, [&reported] { ++reported; });
                            });
        });
    }
    while (reported < state.threads.size()) {
        try {
            if (state.front.run_one() == 0) state.front.restart();
        } catch (...) {
            log_step_failure(std::current_exception(), what);
        }
    }
}

void WorkerGroup::cut(void* host) {
    HostWorker& worker = *static_cast<HostWorker*>(host);
    worker.cut();
    worker.forget_events();
    worker.background().cancel(async::cancel_reason::stopping);
}

async::task<void> WorkerGroup::drain(Thread& thread, std::chrono::milliseconds grace) {
    HostWorker& host = *thread.host;
    async::clock& time = *thread.where.clock;
    const std::unique_ptr<async::timer> patience =
        time.call_at(time.now() + grace, thread.where.executor, &WorkerGroup::cut, &host);
    co_await host.drain();
    co_await host.told_of_all_events();
    co_await host.background().join();
}

async::task<void> WorkerGroup::end(Thread& thread, std::chrono::milliseconds) {
    HostWorker& host = *thread.host;
    host.forget_events();
    host.background().cancel(async::cancel_reason::stopping);
    std::exception_ptr failure;
    try {
        co_await host.end();
    } catch (...) {
        failure = std::current_exception();
    }
    co_await host.background().join();
    co_await host.modules().stop();
    if (thread.decision_keeper) co_await thread.decision_keeper->stop();
    if (failure) std::rethrow_exception(failure);
}

boost::asio::io_context& WorkerGroup::front() noexcept { return state_->front; }
std::size_t WorkerGroup::size() const noexcept { return state_->threads.size(); }
HostWorker& WorkerGroup::worker(std::size_t index) noexcept { return *state_->threads.at(index)->host; }

void WorkerGroup::run_on(std::size_t index, const Operation& operation) {
    if (state_->was_stopped) throw std::logic_error("an operation was asked for after the workers' stop");
    Thread& thread = *state_->threads.at(index);
    // The thread that waits may be gone before the other one has let go of it.
    const auto awaited = std::make_shared<Awaited>();
    const auto perform = [](std::shared_ptr<Awaited> kept, Thread& on, const Operation& asked) -> async::task<void> {
        std::exception_ptr failure;
        try {
            async::task<void> running = asked(*on.host);
            co_await std::move(running);
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure) kept->error = described(HostPhase::serving, &on, failure);
        kept->done.set_value();
    };
    boost::asio::post(thread.io, [&] { thread.host->background().spawn("operation", perform(awaited, thread, operation)); });
    awaited->done.get_future().wait();
    if (awaited->error) throw HostError(*awaited->error);
}

void WorkerGroup::on_new_event(const callbacks::Event& event, const std::shared_ptr<const callbacks::StateMap>& state) {
    Cause nothing_led_to_it;
    nothing_led_to_it.budget = std::make_shared<EventBudget>();
    on_new_event(std::make_shared<NewEvent>(event, state, std::move(nothing_led_to_it)));
}

void WorkerGroup::on_new_event(const std::shared_ptr<NewEvent>& event) {
    for (const std::unique_ptr<Thread>& thread : state_->threads)
        boost::asio::post(thread->io, [host = thread->host.get(), event] { host->run_on_new_event(event); });
}

}  // namespace modapi
