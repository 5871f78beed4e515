#pragma once

#include <async/call_limits.h>
#include <async/cancellation.h>
#include <async/context.h>
#include <async/error_rule.h>
#include <async/observation.h>
#include <async/operation.h>
#include <async/task.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace async {

/// What is ruled for one registration, or for several that are alike.
struct call_limits {
    static constexpr std::uint32_t whole = 10'000;  ///< a share of everything

    /// Cuts a run, waiting for its place included; 0: nothing does; none: what the dispatcher does with every callback.
    std::optional<clock::duration> deadline;
    failure_outcome on_failure = failure_outcome::contract;
    bool is_on = true;            ///< false: nobody is asked
    std::uint32_t share = whole;  ///< of 10'000 points, these are asked
    /// Shared with other registrations; null: none.
    std::shared_ptr<circuit_breaker> breaker;
    std::shared_ptr<call_places> places;
};

/// Holds the runs of a registered callable to limits; async/limited_call.h puts it around one.
///
/// A run that doesn't suspend takes no place and has no timer: nothing else runs meanwhile. Thread: the worker's, on which
/// `time` and `settings` outlive it; `settings` may be null.
class limiter {
public:
    limiter(call_limits limits, clock& time, const dispatch_settings* settings);
    limiter(const limiter&) = delete;
    limiter& operator=(const limiter&) = delete;

    [[nodiscard]] const call_limits& limits() const noexcept { return limits_; }
    /// How its registration stands among those of the callback.
    [[nodiscard]] registration stands_at(int order) const noexcept { return {order, limits_.deadline.has_value()}; }

    [[nodiscard]] bool asks_all() const noexcept { return asked_below_ == call_limits::whole; }
    /// Whether the call at this point of 10'000 is asked. One that isn't is counted.
    [[nodiscard]] bool asks(std::uint32_t point) noexcept {
        if (point < asked_below_) return true;
        ++not_asked_;
        return false;
    }
    /// Calls that weren't asked, which a dispatcher counts as runs.
    [[nodiscard]] std::uint64_t not_asked() const noexcept { return not_asked_; }

    /// Whether a run may begin at once, without looking who asks.
    [[nodiscard]] bool is_free() const noexcept {
        return (limits_.breaker == nullptr || limits_.breaker->is_closed()) &&
               (limits_.places == nullptr || limits_.places->has_free());
    }
    /// The time of a call, as far as a deadline needs it.
    [[nodiscard]] clock::time_point call_time() const noexcept {
        return late_after_ != clock::duration::max() ? time_.coarse_now() : clock::time_point();
    }
    /// Whether what began at that time has kept the thread beyond its deadline; some milliseconds don't count.
    [[nodiscard]] bool is_late(clock::time_point began) const noexcept {
        return late_after_ != clock::duration::max() && time_.coarse_now() - began > late_after_;
    }
    /// A run ended with `failure`: the breaker hears of it. `here` is the dispatcher's context for it.
    void failed(const context& here, const std::exception_ptr& failure, bool is_probe);
    void succeeded(const context& here, bool is_probe) {
        if (is_probe) [[unlikely]]
            probe_succeeded(here);
    }
    /// `failure` becomes what is ruled: counts and reports it; `leaves` is what leaves the dispatcher for it.
    void report(const context& here, const std::exception_ptr& failure, const std::exception_ptr& leaves) const;

private:
    friend class limited_run;

    void probe_succeeded(const context& here);

    call_limits limits_;
    clock& time_;
    const dispatch_settings* settings_;
    clock::duration late_after_;  // the deadline, and how wrong coarse time may be; max: there is none
    std::uint32_t asked_below_;
    std::uint64_t not_asked_ = 0;
};

/// One run under a limiter: its context, its place, its deadline. Stays where it is. `outer` outlives it, and it what runs in
/// it.
class limited_run {
public:
    /// `began`: by `limiter::call_time`.
    limited_run(limiter& by, const context& outer, clock::time_point began)
        : by_(by), outer_(outer), began_(began), inner_(outer) {
        // Hears of nothing before the run suspends.
        if (by.late_after_ != clock::duration::max()) inner_.end_with(ends_by_.emplace());
    }
    ~limited_run() {
        if (placed_) by_.limits_.places->give_back();
        if (is_probe_) [[unlikely]]
            by_.limits_.breaker->gave_up();
    }
    limited_run(const limited_run&) = delete;
    limited_run& operator=(const limited_run&) = delete;

    /// Before the callable is called. Throws breaker_is_open. False: `wait_for_place` has to be awaited first.
    [[nodiscard]] bool admit() {
        if (by_.limits_.breaker != nullptr && !by_.limits_.breaker->is_closed()) [[unlikely]]
            is_probe_ = by_.limits_.breaker->let_through(by_.time_.now());
        if (by_.limits_.places == nullptr) return true;
        if (by_.limits_.places->in_flight() != 0) return has_or_takes_place();
        take_place();
        return true;
    }
    /// Throws no_free_place.
    [[nodiscard]] static task<void> wait_for_place(limited_run& self);
    [[nodiscard]] const context& here() const noexcept { return placed_ ? placed_->here() : inner_; }
    /// It waits: from here on its deadline cuts it.
    void suspended();
    /// It has an answer. False: that came after its deadline.
    [[nodiscard]] bool ended() {
        if (expiry_ != nullptr) [[unlikely]]
            expiry_.reset();
        return !is_expired_ && !by_.is_late(began_);
    }
    [[nodiscard]] bool is_probe() const noexcept { return is_probe_; }
    /// Whether it is a breaker's probe; whoever asks tells the breaker how it ended.
    [[nodiscard]] bool take_probe() noexcept { return std::exchange(is_probe_, false); }

private:
    /// What nested calls find: they are in the place that the outermost of them has.
    class placed final : public operation {
    public:
        placed(const context& outer, const call_places& in) noexcept : operation(outer), places(&in) {}
        const call_places* places;
    };

    [[nodiscard]] bool is_nested() const noexcept;
    [[nodiscard]] bool has_or_takes_place();
    void take_place() {
        by_.limits_.places->take();
        placed_.emplace(inner_, *by_.limits_.places);
    }
    void expire();

    limiter& by_;
    const context& outer_;
    clock::time_point began_;
    context inner_;
    std::optional<cancellation_source> ends_by_;  // of a run with a deadline
    std::optional<placed> placed_;
    std::unique_ptr<timer> expiry_;
    bool is_probe_ = false;
    bool is_expired_ = false;
};

}  // namespace async
