#include <async/hook_run.h>

#include <optional>
#include <utility>

namespace async::detail {

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
    timed_ = timing::sampled;
    began_ = inner_.clock().now();
}

void hook_run::suspended() {
    if (timed_ == timing::none) began_ = inner_.clock().now();  // as begin_timed, which is for one of many
    timed_ = timing::suspended;
    leave();
    if (settings_ == nullptr || (settings_->waiting == nullptr && !limited_)) return;
    waits_ = true;
    cancellation_source* const ends_by = limited_ ? &*limited_ : nullptr;
    if (ends_by != nullptr && outer_.cancellation != nullptr && !is_linked_) {
        is_linked_ = true;
        ends_by->end_with(*outer_.cancellation, cancel_reason::deadline);
    }
    const clock::duration deadline = running().how.has_own_deadline ? clock::duration(0) : settings_->callback_deadline;
    if (is_listed_) {
        wait_again(running(), began_, deadline);
    } else if (settings_->waiting != nullptr) {
        is_listed_ = true;
        settings_->waiting->add(*this, running(), inner_, began_, ends_by, deadline);
    } else if (deadline.count() > 0) {
        const context& here = inner_;
        expiry_ = here.clock().call_at(
            here.clock().after(deadline), here.executor(),
            [](void* expired) { static_cast<cancellation_source*>(expired)->request(cancel_reason::deadline); }, ends_by);
    }
}

void hook_run::stop_waiting() noexcept {
    waits_ = false;
    pause();
    expiry_.reset();
    if (!limited_ || limited_->requested() == cancel_reason::none) return;
    // What ended this hook isn't the next one's, unless it ends all.
    is_linked_ = false;
    const cancel_reason of_all = requested_ == cancel_reason::caller_gone ? cancel_reason::none : requested_;
    limited_->start_over(of_all);
}

std::exception_ptr hook_run::fail(std::exception_ptr failure, error_level level) {
    bool stopping = false;
    std::optional<ruled_failure> ruled;
    try {
        std::rethrow_exception(failure);
    } catch (const operation_cancelled&) {
        // A module that cancels its own work and lets that escape has failed like any other.
        stopping = outer_.cancel_requested() == cancel_reason::stopping;
    } catch (const ruled_failure& dealt_with) {
        ruled = dealt_with;
    } catch (...) {
    }
    leave();
    if (std::exchange(timed_, timing::none) == timing::suspended) static_cast<void>(measure(true));
    if (waits_) stop_waiting();
    if (stopping) std::rethrow_exception(std::move(failure));
    if (ruled) {
        throw_if_operation_cancelled();
        if (ruled->leaves()) std::rethrow_exception(ruled->leaves());
        return nullptr;
    }
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

clock::duration hook_run::measure(bool has_suspended) noexcept {
    const clock::duration took = inner_.clock().now() - began_;
    statistics().measure(static_cast<std::uint64_t>(took.count()), has_suspended);
    return took;
}

void hook_run::end_timed() {
    const bool has_suspended = std::exchange(timed_, timing::none) == timing::suspended;
    if (waits_) stop_waiting();
    const clock::duration took = measure(has_suspended);
    if (settings_ != nullptr && settings_->observer != nullptr && took > settings_->slow) {
        settings_->observer->on_slow(running(), took);
    }
}

}  // namespace async::detail
