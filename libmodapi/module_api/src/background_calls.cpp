#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/request_trace.h>
#include <modapi/module_api.h>

#include <async/sleep.h>

#include <async/callback_frame.h>
#include <async/child_context.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using duration = async::clock::duration;
using time_point = async::clock::time_point;

/// Longer than any server runs, and far from the end of the clock's range.
constexpr double max_ms = 1e12;

}  // namespace

duration ModuleApi::background_duration(double msec) {
    const double bounded = std::clamp(msec, 0.0, max_ms);
    return std::chrono::duration_cast<duration>(std::chrono::duration<double, std::milli>(bounded));
}

/// Shared by a delayed call and its handle. Thread: the worker's.
struct DelayedCall::State {
    bool is_cancelled = false;
    async::cancellation_source* running = nullptr;  // while the call waits or runs
};

void DelayedCall::cancel() {
    if (state_ == nullptr) return;
    state_->is_cancelled = true;
    if (state_->running != nullptr) state_->running->request(async::cancel_reason::stopping);
}

namespace detail {

void ProcessState::end() noexcept {
    has_ended_ = true;
    end_.notify_all();
}

async::task<void> ProcessState::ended(std::shared_ptr<ProcessState> state) {
    if (!state->has_begun_ && !state->has_ended_) {
        throw std::logic_error(
            "run_as_background_process: what a constructor or start() starts begins when its module is asked, and "
            "can't be awaited before");
    }
    while (!state->has_ended_) co_await state->end_.wait();
}

}  // namespace detail

async::task<void> ModuleApi::run_background(detail::BackgroundCall& call, bool is_of_one_worker) {
    return run_background(call, is_of_one_worker ? registrations_.background_of_one : registrations_.background,
                          "a background call");
}

async::task<void> ModuleApi::run_background(detail::BackgroundCall& call, async::callback_identity& background,
                                            std::string what) {
    const async::context& outer = co_await async::this_context;
    async::callback_frame frame(outer);
    async::callback_statistics::add(background.statistics.runs);
    frame.enter(background);
    std::exception_ptr failure;
    try {
        async::task<void> running = call();
        co_await std::move(running).in(frame.here());
    } catch (const async::operation_cancelled&) {
        if (outer.cancel_requested() != async::cancel_reason::none) throw;
        failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    frame.leave();
    if (!failure) co_return;
    async::callback_statistics::add(background.statistics.errors);
    framework_log().error("module {}: {} failed: {}{}", module_name_, what, callbacks::message_of(failure),
                          request_in_log(trace_of(outer).get()));
}

async::task<void> ModuleApi::run_process(std::string desc, std::shared_ptr<detail::ProcessEnd> ending,
                                         std::shared_ptr<detail::BackgroundCall> call) {
    const async::context& outer = co_await async::this_context;
    const std::shared_ptr<detail::ProcessEnd> tells_of_its_end = std::move(ending);
    const TracedWork own(outer, std::make_shared<const RequestTrace>(std::string(), std::string_view(), std::string_view()));
    async::callback_identity& background = registrations_.process_called(desc);
    const std::string what = "the background process " + desc;
    async::task<void> running = run_background(*call, background, what);
    co_await std::move(running).in(own.here());
}

void ModuleApi::begin_process(std::string desc, std::shared_ptr<detail::ProcessState> state,
                              std::shared_ptr<detail::BackgroundCall> call) {
    auto ending = std::make_shared<detail::ProcessEnd>(std::move(state));
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "run_as_background_process");
    registrations_.begin_background([this, desc = std::move(desc), ending = std::move(ending), call = std::move(call)] {
        ending->begin();
        registrations_.background_calls.spawn(module_name_, run_process(desc, ending, call));
    });
}

async::task<void> ModuleApi::run_loop(Every every, std::shared_ptr<detail::BackgroundCall> call, bool is_of_one_worker) {
    const async::context& here = co_await async::this_context;
    const duration period = std::max<duration>(background_duration(every.period_ms_), std::chrono::microseconds(1));
    time_point next = here.clock().now() + background_duration(every.first_ms_);
    while (true) {
        co_await async::sleep_for(next - here.clock().now());
        const time_point began = here.clock().now();
        async::task<void> run = run_background(*call, is_of_one_worker);
        co_await std::move(run);
        // From start to start; a run that took longer is followed by the next one at once, and nothing is made up for.
        next = std::max(began + period, here.clock().now());
    }
}

async::task<void> ModuleApi::run_delayed(After after, std::shared_ptr<detail::BackgroundCall> call,
                                         std::shared_ptr<DelayedCall::State> state) {
    const async::context& outer = co_await async::this_context;
    if (state->is_cancelled) co_return;
    async::child_context cancellable(outer);
    state->running = &cancellable.source();
    try {
        async::task<void> waiting = wait_then_run(after, *call);
        co_await std::move(waiting).in(cancellable.here());
    } catch (...) {
        state->running = nullptr;
        throw;
    }
    state->running = nullptr;
}

async::task<void> ModuleApi::wait_then_run(After after, detail::BackgroundCall& call) {
    co_await async::sleep_for(background_duration(after.delay_ms_));
    async::task<void> run = run_background(call, after.is_on_one_worker_);
    co_await std::move(run);
}

void ModuleApi::loop(Every every, LoopsOn workers, std::shared_ptr<detail::BackgroundCall> call) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), workers == LoopsOn::all_workers
                                                                      ? "looping_background_call_on_all_instances"
                                                                      : "looping_background_call");
    if (!(every.period_ms_ > 0))
        throw std::invalid_argument("looping_background_call: the time between two calls must be positive");
    if (workers != LoopsOn::all_workers && !should_run_background_tasks()) {
        if (workers == LoopsOn::one_worker_with_warning) {
            framework_log().warn(
                "module {}: its looping background call is not run on worker {}, which runs no background tasks", module_name_,
                worker_name().value_or("main"));
        }
        return;
    }
    registrations_.begin_background([this, every, is_of_one_worker = workers != LoopsOn::all_workers, call = std::move(call)] {
        registrations_.background_calls.spawn(module_name_, run_loop(every, call, is_of_one_worker));
    });
}

DelayedCall ModuleApi::delay(After after, std::shared_ptr<detail::BackgroundCall> call) {
    modapi::refuse_in_shadow(environment_.shadow_runs.on_stack(), "delayed_background_call");
    if (std::isnan(after.delay_ms_)) throw std::invalid_argument("delayed_background_call: the delay is not a number");
    auto state = std::make_shared<DelayedCall::State>();
    if (after.is_on_one_worker_ && !should_run_background_tasks()) return DelayedCall(std::move(state));
    registrations_.begin_background([this, after, call = std::move(call), state] {
        registrations_.background_calls.spawn(module_name_, run_delayed(after, call, state));
    });
    return DelayedCall(std::move(state));
}

}  // namespace modapi
