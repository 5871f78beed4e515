#include <async/call_limits.h>

#include <async/failure.h>

#include <utility>

namespace async {

bool is_refusal_of_breaker(const std::exception_ptr& failure) {
    return detail::failure_as<breaker_is_open>(failure) != nullptr;
}

bool circuit_breaker::let_through(clock::time_point now) {
    if (state_ == breaker_state::closed) return false;
    if (state_ == breaker_state::half_open) throw breaker_is_open(clock::duration(0));
    if (now < opens_until_) throw breaker_is_open(opens_until_ - now);
    state_ = breaker_state::half_open;
    return true;
}

bool circuit_breaker::failed(clock::time_point now, bool is_probe) {
    if (!is_probe) {
        // One that began before it opened says nothing new.
        if (state_ != breaker_state::closed) return false;
        if (failures_.size() < limits_.failures) {
            failures_.push_back(now);
        } else {
            failures_[oldest_] = now;
            oldest_ = (oldest_ + 1) % failures_.size();
        }
        if (failures_.size() < limits_.failures || now - failures_[oldest_] > limits_.within) return false;
    }
    state_ = breaker_state::open;
    opens_until_ = limits_.open > clock::time_point::max() - now ? clock::time_point::max() : now + limits_.open;
    failures_.clear();
    oldest_ = 0;
    return true;
}

void call_places::hand_on() noexcept {
    turn& next = *first_;
    next.leave();
    next.has_place_ = true;
    next.wake();
}

call_places::turn::~turn() {
    leave();
    if (has_place_) places_.give_back();
}

void call_places::turn::await_suspend(std::coroutine_handle<> waiting) noexcept {
    is_queued_ = true;
    previous_ = places_.last_;
    (previous_ == nullptr ? places_.first_ : previous_->next_) = this;
    places_.last_ = this;
    suspend(waiting);
}

void call_places::turn::await_resume() {
    throw_if_woken_by_cancellation();
    has_place_ = false;
}

void call_places::turn::leave() noexcept {
    if (!std::exchange(is_queued_, false)) return;
    (previous_ == nullptr ? places_.first_ : previous_->next_) = next_;
    (next_ == nullptr ? places_.last_ : next_->previous_) = previous_;
    previous_ = next_ = nullptr;
}

}  // namespace async
