#include <async/call_limits.h>
#include <async/failure.h>
#include <async/hook_run.h>

#include <optional>
#include <utility>

namespace async::detail {

namespace {

/// Counts a failure, and what kind of one it is.
void count_failure(callback_statistics& statistics, const std::exception_ptr& failure) {
    callback_statistics::add(statistics.errors);
    if (failure_as<deadline_exceeded>(failure) != nullptr || failure_as<no_free_place>(failure) != nullptr) {
        callback_statistics::add(statistics.cut);
    } else if (failure_as<breaker_is_open>(failure) != nullptr) {
        callback_statistics::add(statistics.kept_out);
    }
}

}  // namespace

inline clock::duration hook_run::measure() noexcept {
    const bool has_suspended = timing_ != timing::sampled;
    ended_ = timing_ == timing::suspended_unsampled ? inner_.clock().coarse_now() : inner_.clock().now();
    timing_ = timing::ended;
    const clock::duration took = ended_ - began_;
    statistics().measure(static_cast<std::uint64_t>(took.count()), has_suspended);
    return took;
}

void hook_run::throw_if_it_ends_the_walk() {
    const cancel_reason reason = outer_.cancel_requested();
    if (reason == cancel_reason::none) return;
    if (reason == cancel_reason::deadline) {
        // It comes out of the hook's awaits, as an exception under the error rule.
        if (limited_) limited_->request(reason);
        return;
    }
    leave();
    throw_cancelled(reason);
}

void hook_run::begin_timed(const callback_identity& identity) {
    if (identity.how.is_in_shadow()) return;  // it runs beside the walk: there is nothing to measure here
    timing_ = timing::sampled;
    began_ = inner_.clock().now();
}

void hook_run::suspended() {
    if (timing_ == timing::sampled) {
        timing_ = timing::suspended;
    } else {
        began_ = inner_.clock().coarse_now();  // two looks at the exact clock would be most of what such a run costs
        timing_ = timing::suspended_unsampled;
    }
    leave();
    if (settings_ == nullptr) return;
    if (limited_) return suspended_with_deadline();
    if (settings_->waiting == nullptr) return;
    waits_ = true;
    if (is_listed_) return wait_again(running(), began_, clock::duration(0));
    is_listed_ = true;
    settings_->waiting->add(*this, running(), inner_, began_, nullptr, clock::duration(0));
}

void hook_run::suspended_with_deadline() {
    waits_ = true;
    if (outer_.cancellation != nullptr && !is_linked_) {
        is_linked_ = true;
        limited_->end_with(*outer_.cancellation, cancel_reason::deadline);
    }
    const clock::duration deadline = running().how.has_own_deadline ? clock::duration(0) : settings_->callback_deadline;
    if (is_listed_) {
        wait_again(running(), began_, deadline);
    } else if (settings_->waiting != nullptr) {
        is_listed_ = true;
        settings_->waiting->add(*this, running(), inner_, began_, &*limited_, deadline);
    } else if (deadline.count() > 0) {
        const context& here = inner_;
        expiry_ = here.clock().call_at(
            here.clock().after(deadline), here.executor(),
            [](void* expired) { static_cast<cancellation_source*>(expired)->request(cancel_reason::deadline); }, &*limited_);
    }
}

void hook_run::stop_waiting_with_deadline() noexcept {
    expiry_.reset();
    if (limited_->requested() == cancel_reason::none) return;
    // What ended this hook isn't the next one's, unless it ends all.
    is_linked_ = false;
    const cancel_reason of_all = requested_ == cancel_reason::caller_gone ? cancel_reason::none : requested_;
    limited_->start_over(of_all);
}

hook_run::settled_failure hook_run::fail(std::exception_ptr failure, const failed_hook& hook) {
    // A module that cancels its own work and lets that escape has failed like any other.
    const bool stopping = outer_.cancel_requested() == cancel_reason::stopping && is_cancellation(failure);
    std::optional<ruled_failure> ruled;
    if (const auto* const settled = failure_as<ruled_failure>(failure)) ruled = *settled;
    leave();
    if (timing_ == timing::none || timing_ == timing::ended) {
        timing_ = timing::none;
    } else {
        static_cast<void>(measure());
    }
    if (waits_) stop_waiting();
    if (stopping) std::rethrow_exception(std::move(failure));
    if (ruled && !ruled->failure()) {  // it wasn't asked
        throw_if_operation_cancelled();
        return {nullptr, nullptr};
    }
    if (ruled) failure = ruled->failure();
    count_failure(statistics(), failure);
    if (settings_ != nullptr && settings_->border != nullptr)
        failure = settings_->border->outside(running(), std::move(failure));
    if (settings_ != nullptr && settings_->observer != nullptr) {
        observed_run run(running(), inner_);
        run.arguments = hook.arguments;
        run.took = took();
        if (ruled) {
            run.fails_the_call = ruled->leaves() != nullptr;
            settings_->observer->on_ruled_failure(run, ruled->outcome(), failure, ruled->leaves());
        } else {
            run.fails_the_call = hook.fails_the_call;
            settings_->observer->on_error(run, hook.level, failure);
        }
    }
    throw_if_operation_cancelled();
    if (!ruled) return {std::move(failure), nullptr};
    if (ruled->leaves()) std::rethrow_exception(ruled->leaves());
    return {nullptr, ruled->answer()};
}

void hook_run::decided(std::span<const typed_value> arguments, const typed_value& answer) const {
    callback_statistics::add(statistics().decisions);
    if (settings_ == nullptr || settings_->observer == nullptr) return;
    observed_run run(running(), inner_);
    run.arguments = arguments;
    run.answer = answer;
    run.took = took();
    settings_->observer->on_decision(run);
}

std::optional<clock::duration> hook_run::took() const noexcept {
    if (timing_ != timing::ended) return std::nullopt;
    return ended_ - began_;
}

void hook_run::end_timed() {
    if (timing_ == timing::ended) {  // what the hook before left is no time of this one
        timing_ = timing::none;
        return;
    }
    if (waits_) stop_waiting();
    const clock::duration took = measure();
    if (settings_ != nullptr && settings_->observer != nullptr && took > settings_->slow) {
        settings_->observer->on_slow(running(), took);
    }
}

}  // namespace async::detail
