#include <async/hook_run.h>

namespace async::detail {

void hook_run::throw_if_it_ends_the_walk() const {
    // A deadline isn't asked for here: it comes out of the hook's awaits, as an exception under the error rule.
    const cancel_reason reason = outer_.cancel_requested();
    if (reason == cancel_reason::none || reason == cancel_reason::deadline) return;
    leave();
    throw_cancelled(reason);
}

void hook_run::begin_timed() {
    timed_ = true;
    began_ = inner_.clock().now();
}

void hook_run::suspended() {
    if (!timed_) begin_timed();
    leave();
    if (!limited_) return;
    const context& here = inner_;
    expiry_ = here.clock().call_at(
        here.clock().after(settings_->callback_deadline), here.executor(),
        [](void* expired) { static_cast<cancellation_source*>(expired)->request(cancel_reason::deadline); }, &*limited_);
}

std::exception_ptr hook_run::fail(std::exception_ptr failure, error_level level) {
    bool stopping = false;
    try {
        std::rethrow_exception(failure);
    } catch (const operation_cancelled&) {
        // A module that cancels its own work and lets that escape has failed like any other.
        stopping = inner_.cancel_requested() == cancel_reason::stopping;
    } catch (...) {
    }
    leave();
    timed_ = false;
    if (expiry_) stop_expiry();
    if (stopping) std::rethrow_exception(std::move(failure));
    callback_statistics::add(statistics().errors);
    if (settings_ != nullptr && settings_->border != nullptr)
        failure = settings_->border->outside(running(), std::move(failure));
    if (settings_ != nullptr && settings_->observer != nullptr) settings_->observer->on_error(running(), level, failure);
    throw_if_operation_cancelled();
    return failure;
}

void hook_run::decided() const {
    callback_statistics::add(statistics().decisions);
    if (settings_ != nullptr && settings_->observer != nullptr) settings_->observer->on_decision(running());
}

void hook_run::limit_time() {
    limited_.emplace(outer_.cancellation, true);  // the source itself keeps `caller_gone` from the hook
    inner_.end_with(*limited_);
}

void hook_run::stop_expiry() {
    expiry_.reset();
    // A source that was asked to end stays so: the next hook gets a fresh one.
    if (limited_->requested() != cancel_reason::none) limited_.emplace(outer_.cancellation, true);
}

void hook_run::end_timed() {
    timed_ = false;
    if (expiry_) stop_expiry();
    const clock::duration took = inner_.clock().now() - began_;
    const auto nanoseconds = static_cast<std::uint64_t>(took.count());
    callback_statistics& counted = statistics();
    callback_statistics::add(counted.measured);
    callback_statistics::add(counted.total_ns, nanoseconds);
    if (nanoseconds > counted.longest_ns.load(std::memory_order_relaxed)) {
        counted.longest_ns.store(nanoseconds, std::memory_order_relaxed);
    }
    if (settings_ != nullptr && settings_->observer != nullptr && took > settings_->slow) {
        settings_->observer->on_slow(running(), took);
    }
}

}  // namespace async::detail
