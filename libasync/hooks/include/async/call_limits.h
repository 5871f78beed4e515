#pragma once

#include <async/cancellation.h>
#include <async/clock.h>
#include <async/suspension.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <vector>

/// What runs of a registered callable may take, and what a breaker and a number of places are that several registrations can
/// share. async/limiter.h holds runs to them.
namespace async {

/// Whether a registration's answers count.
enum class call_mode : unsigned char {
    enforce,  ///< they do
    shadow,   ///< it is asked beside the operation, and what it answers is compared with what was done (async/shadow_call.h)
    off,      ///< nobody is asked
};

/// What a breaker lets through.
enum class breaker_state : unsigned char {
    closed,     ///< all
    open,       ///< nothing, until the first call after its time
    half_open,  ///< one run, the probe, which is under way
};

/// When a breaker opens, and for how long.
struct breaker_limits {
    std::uint32_t failures = 0;  ///< so many of them, at least 1 ...
    clock::duration within{};    ///< ... in this time open it
    clock::duration open{};  ///< then it lets nothing through for this long, and after that one run, to see whether all is well

    bool operator==(const breaker_limits&) const = default;
};

/// Says that a breaker let a call not through. An ordinary error.
class breaker_is_open : public std::runtime_error {
public:
    explicit breaker_is_open(clock::duration remaining)
        : std::runtime_error("the breaker is open: this callback failed too often"), remaining_(remaining) {}
    /// Until the breaker lets a run through again; 0: one is under way.
    [[nodiscard]] clock::duration remaining() const noexcept { return remaining_; }

private:
    clock::duration remaining_;
};

/// Whether it is a breaker_is_open: what an open breaker doesn't let through is told when it opens, not for each call.
[[nodiscard]] bool is_refusal_of_breaker(const std::exception_ptr& failure);

/// Says that the time of a call was over before one of the runs in flight had ended. An ordinary error.
class no_free_place : public std::runtime_error {
public:
    explicit no_free_place(std::size_t max_runs)
        : std::runtime_error("none of its " + std::to_string(max_runs) + " runs in flight ended in time") {}
};

/// Keeps calls from what fails all the time: closed (all pass), open (none does), half-open (one passes, the probe, and its end
/// decides).
///
/// Thread: the worker's. Cost: while it is closed, a load.
class circuit_breaker {
public:
    explicit circuit_breaker(const breaker_limits& limits) : limits_(limits) {}
    circuit_breaker(const circuit_breaker&) = delete;
    circuit_breaker& operator=(const circuit_breaker&) = delete;

    [[nodiscard]] bool is_closed() const noexcept { return state_ == breaker_state::closed; }
    [[nodiscard]] breaker_state state() const noexcept { return state_; }
    [[nodiscard]] const breaker_limits& limits() const noexcept { return limits_; }

    /// A call comes. True: it is the probe, and exactly one of `failed`, `succeeded` and `gave_up` follows. Throws
    /// breaker_is_open.
    [[nodiscard]] bool let_through(clock::time_point now);
    /// A run ended with a failure. True: that has opened the breaker.
    [[nodiscard]] bool failed(clock::time_point now, bool is_probe);
    /// The probe ended well, which closes the breaker.
    void succeeded() noexcept { state_ = breaker_state::closed; }
    /// The probe ended without saying anything of what it asked; the next call is one.
    void gave_up() noexcept { state_ = breaker_state::open; }

private:
    breaker_limits limits_;
    breaker_state state_ = breaker_state::closed;
    clock::time_point opens_until_{};
    std::vector<clock::time_point> failures_;  // the last ones while it is closed; a ring of limits_.failures
    std::size_t oldest_ = 0;
};

/// So many runs may be in flight at once; who comes later waits, and gets its place in order of arrival.
///
/// Thread: the worker's. Lifetime: outlives the runs. Cost: a wait allocates nothing.
class call_places {
public:
    class turn;

    explicit call_places(std::size_t max_runs) noexcept : max_runs_(max_runs) {}
    call_places(const call_places&) = delete;
    call_places& operator=(const call_places&) = delete;

    [[nodiscard]] std::size_t max_runs() const noexcept { return max_runs_; }
    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] bool has_free() const noexcept { return in_flight_ < max_runs_; }
    /// Where one is free.
    void take() noexcept { ++in_flight_; }
    /// The first that waits gets it.
    void give_back() noexcept {
        if (first_ != nullptr) [[unlikely]]
            return hand_on();
        --in_flight_;
    }

private:
    void hand_on() noexcept;

    std::size_t max_runs_;
    std::size_t in_flight_ = 0;
    turn* first_ = nullptr;
    turn* last_ = nullptr;
};

/// Awaitable, where no place is free: resumes when this waiter has one, which it gives back later. Throws when the chain is
/// cancelled, and has none then.
class call_places::turn final : public detail::suspension {
public:
    explicit turn(call_places& places) noexcept : places_(places) {}
    ~turn();

    [[nodiscard]] bool await_ready() const noexcept { return is_cancelled(); }
    void await_suspend(std::coroutine_handle<> waiting) noexcept;
    void await_resume();

private:
    friend class call_places;

    void on_cancelled() noexcept override { leave(); }
    void leave() noexcept;

    call_places& places_;
    turn* previous_ = nullptr;
    turn* next_ = nullptr;
    bool is_queued_ = false;
    bool has_place_ = false;  // given, and not yet the awaiter's
};

}  // namespace async
