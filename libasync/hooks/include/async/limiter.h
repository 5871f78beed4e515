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

class shadowed_run;
template <class Slot, class Policy>
class shadow_call;
namespace detail {

class shadow_frame;

/// What a run is held to.
struct call_bounds {
    circuit_breaker* breaker;  ///< null: none, as the next
    call_places* places;
    clock::duration late_after;  ///< the deadline, and how wrong coarse time may be; max: there is none

    [[nodiscard]] bool has_deadline() const noexcept { return late_after != clock::duration::max(); }
    /// Whether what began at that time has kept the thread beyond its deadline; some milliseconds don't count.
    [[nodiscard]] bool is_late(clock& time, clock::time_point began) const noexcept {
        return has_deadline() && time.coarse_now() - began > late_after;
    }
};

}  // namespace detail

/// What is ruled for one registration, or for several that are alike.
struct call_limits {
    static constexpr std::uint32_t whole = 10'000;  ///< a share of everything

    /// Cuts a run, waiting for its place included; 0: nothing does; none: what the dispatcher does with every callback.
    std::optional<clock::duration> deadline;
    failure_outcome on_failure = failure_outcome::contract;
    call_mode mode = call_mode::enforce;
    std::uint32_t share = whole;  ///< of 10'000 points, these are asked
    /// Shared with other registrations; null: none.
    std::shared_ptr<circuit_breaker> breaker;
    std::shared_ptr<call_places> places;
    /// Likewise, of runs in shadow mode: what these do changes nothing for the others.
    std::shared_ptr<circuit_breaker> shadow_breaker;
    std::shared_ptr<call_places> shadow_places;
};

/// What came of the calls of a registration while it was in shadow mode.
struct shadow_counts {
    std::uint64_t runs = 0;       ///< that began
    std::uint64_t skipped = 0;    ///< calls without one
    std::uint64_t differed = 0;   ///< their answer would have changed what was done
    std::uint64_t failed = 0;     ///< an exception, an expired deadline
    std::uint64_t kept_back = 0;  ///< changes that they wanted to make
};

/// Holds the runs of a registered callable to limits; async/limited_call.h puts it around one.
///
/// A plain function takes no place, since nothing else runs meanwhile; a coroutine has one as long as it runs. Neither has a timer
/// before it suspends. Thread: the worker's, on which `time` and `settings` outlive it; `settings` may be null.
class limiter {
public:
    limiter(call_limits limits, clock& time, const dispatch_settings* settings);
    limiter(const limiter&) = delete;
    limiter& operator=(const limiter&) = delete;

    [[nodiscard]] const call_limits& limits() const noexcept { return limits_; }
    /// How its registration stands among those of the callback.
    [[nodiscard]] registration stands_at(int order) const { return {order, limits_.deadline.has_value(), is_shadowed_}; }

    /// From the next call on. Runs in shadow mode go on. What isn't declared as what can be shadowed isn't asked in that mode.
    void set_mode(call_mode mode) noexcept;
    /// From the next call on; at most `call_limits::whole`.
    void set_share(std::uint32_t share) noexcept;
    [[nodiscard]] bool is_in_shadow() const noexcept { return *is_shadowed_; }
    /// How often mode and share were set: for who remembers what calls answered. Lives as long as somebody has it.
    [[nodiscard]] const std::shared_ptr<std::uint64_t>& changes() const noexcept { return changes_; }
    [[nodiscard]] const shadow_counts& in_shadow() const noexcept { return shadow_counts_; }

    /// All calls, and what they answer counts.
    [[nodiscard]] bool asks_all() const noexcept { return asks_all_; }
    /// Whether the call at this point of 10'000 is asked. One that isn't is counted.
    [[nodiscard]] bool asks(std::uint32_t point) noexcept {
        if (point < asked_below_) return true;
        ++not_asked_;
        return false;
    }
    /// Likewise, without counting: of a part of what one call is about.
    [[nodiscard]] bool asks_about(std::uint32_t point) const noexcept { return point < asked_below_; }
    /// A call is asked beside the operation, or in a mode that the callback can't have.
    void passed_over() noexcept { ++not_asked_; }
    /// Calls that weren't asked, or in shadow mode: a dispatcher counts them as runs.
    [[nodiscard]] std::uint64_t not_asked() const noexcept { return not_asked_; }

    /// Whether a run may begin at once, without looking who asks.
    [[nodiscard]] bool is_free() const noexcept {
        return (limits_.breaker == nullptr || limits_.breaker->is_closed()) &&
               (limits_.places == nullptr || limits_.places->has_free());
    }
    /// The time of a call, as far as a deadline needs it.
    [[nodiscard]] clock::time_point call_time() const noexcept {
        return bounds_.has_deadline() ? time_.coarse_now() : clock::time_point();
    }
    /// Whether what began at that time has kept the thread beyond its deadline; some milliseconds don't count.
    [[nodiscard]] bool is_late(clock::time_point began) const noexcept { return bounds_.is_late(time_, began); }
    /// A run ended with `failure`: the breaker hears of it. `here` is the dispatcher's context for it.
    void failed(const context& here, const std::exception_ptr& failure, bool is_probe) {
        failed(bounds_, here, failure, is_probe);
    }
    /// A run ended without a failure; `is_probe`: it was the one that tries whether an open breaker may close.
    void succeeded(const context& here, bool is_probe) { tell_of_probe(bounds_, here, is_probe); }

private:
    friend class limited_run;
    friend class shadowed_run;
    friend class detail::shadow_frame;
    template <class Slot, class Policy>
    friend class shadow_call;

    void failed(const detail::call_bounds& within, const context& here, const std::exception_ptr& failure, bool is_probe);
    void tell_of_probe(const detail::call_bounds& within, const context& here, bool is_probe) {
        if (is_probe) [[unlikely]]
            probe_succeeded(within, here);
    }
    void probe_succeeded(const detail::call_bounds& within, const context& here);
    /// Whether a run in shadow mode may begin, as far as is known before; counts it as skipped if not.
    [[nodiscard]] bool may_shadow(const callback_identity& callback);
    /// Who a run in shadow mode is; what it counts is of those alone. Lives as long as the limiter.
    [[nodiscard]] const callback_identity& shadow_of(const callback_identity& callback);
    /// `run`: whose callback is that of shadow_of.
    void ended_in_shadow(const observed_run& run, const shadow_result& result) noexcept;

    call_limits limits_;
    clock& time_;
    const dispatch_settings* settings_;
    detail::call_bounds bounds_;
    detail::call_bounds shadow_bounds_;
    std::uint32_t asked_below_ = call_limits::whole;
    bool asks_all_ = true;
    std::uint64_t not_asked_ = 0;
    std::shared_ptr<bool> is_shadowed_;
    std::shared_ptr<std::uint64_t> changes_ = std::make_shared<std::uint64_t>(0);
    std::unique_ptr<callback_identity> shadow_;
    shadow_counts shadow_counts_;
};

/// One run under a limiter: its context, its place, its deadline. Stays where it is. `outer` outlives it, and it what runs in
/// it. As an operation it is what nested calls find: they are in the place that the outermost of them has.
class limited_run final : public operation {
public:
    /// `began`: by `limiter::call_time`.
    limited_run(limiter& by, const context& outer, clock::time_point began) : limited_run(by, by.bounds_, outer, began) {}
    /// Within others than those of the runs that count.
    limited_run(limiter& by, const detail::call_bounds& within, const context& outer, clock::time_point began)
        : operation(outer), by_(by), within_(within), surroundings_(outer), began_(began) {
        // Hears of nothing before the run suspends.
        if (within.has_deadline()) inner().end_with(ends_by_.emplace());
    }
    ~limited_run() override {
        if (has_place_) within_.places->give_back();
        if (is_probe_) [[unlikely]]
            within_.breaker->gave_up();
    }
    limited_run(const limited_run&) = delete;
    limited_run& operator=(const limited_run&) = delete;

    /// Before the callable is called. Throws breaker_is_open. False: `wait_for_place` has to be awaited first.
    [[nodiscard]] bool admit() {
        if (within_.breaker != nullptr && !within_.breaker->is_closed()) [[unlikely]]
            is_probe_ = within_.breaker->let_through(by_.time_.now());
        if (within_.places == nullptr) return true;
        if (within_.places->in_flight() != 0) return has_or_takes_place();
        take_place();
        return true;
    }
    /// Throws no_free_place.
    [[nodiscard]] static task<void> wait_for_place(limited_run& self);
    /// It waits: from here on its deadline cuts it.
    void suspended();
    /// It has an answer. False: that came after its deadline.
    [[nodiscard]] bool ended() {
        if (expiry_ != nullptr) [[unlikely]]
            expiry_.reset();
        return !is_expired_ && !within_.is_late(by_.time_, began_);
    }
    [[nodiscard]] bool is_probe() const noexcept { return is_probe_; }
    /// Whether it is a breaker's probe; whoever asks tells the breaker how it ended.
    [[nodiscard]] bool take_probe() noexcept { return std::exchange(is_probe_, false); }

private:
    [[nodiscard]] bool is_nested() const noexcept;
    [[nodiscard]] bool has_or_takes_place();
    void take_place() noexcept {
        within_.places->take();
        has_place_ = true;
    }
    void expire();

    limiter& by_;
    const detail::call_bounds& within_;
    const context& surroundings_;
    clock::time_point began_;
    std::optional<cancellation_source> ends_by_;  // of a run with a deadline
    std::unique_ptr<timer> expiry_;
    bool has_place_ = false;
    bool is_probe_ = false;
    bool is_expired_ = false;
};

}  // namespace async
