#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace async {

/// One pending wake-up of a clock. Destroying it cancels it: the function is then not called any more.
class timer {
public:
    virtual ~timer() = default;
};

/// Where time comes from. Everything in the framework that waits or measures asks the clock of its context, so that a
/// test can hold the time in its hands (`async::testing::virtual_clock`).
///
/// Thread: `now` and `wall_time` from any thread; a timer is made and destroyed on the executor it fires on.
class clock {
public:
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::steady_clock::time_point;

    virtual ~clock() = default;

    /// Monotonic time, for durations and deadlines.
    [[nodiscard]] virtual time_point now() const noexcept = 0;
    /// Monotonic time that may be a few milliseconds late, much cheaper than `now`: for what is kept for minutes, and
    /// for what is measured so often that the measuring would show.
    [[nodiscard]] virtual time_point coarse_now() const noexcept { return now(); }
    /// How late `coarse_now` may be at most.
    [[nodiscard]] virtual duration coarse_resolution() const noexcept { return duration(0); }
    /// Calendar time, for timestamps in events and tables.
    [[nodiscard]] virtual std::chrono::system_clock::time_point wall_time() const noexcept = 0;
    /// Calls `fire(argument)` on `executor` once `when` has come. Never from inside this call.
    [[nodiscard]] virtual std::unique_ptr<timer> call_at(time_point when, const boost::asio::any_io_executor& executor,
                                                         void (*fire)(void*), void* argument) = 0;

    /// A blocking call of a task of this clock's executor goes to another thread, and is back. Time that a test holds in its
    /// hands must not jump in between.
    virtual void offload_began() noexcept;
    virtual void offload_ended() noexcept;
    [[deprecated("it is named offload_began")]] virtual void work_began_elsewhere() noexcept {}
    [[deprecated("it is named offload_ended")]] virtual void work_ended_elsewhere() noexcept {}

    /// The time `length` from now; the end of all time if that is farther than a time_point goes.
    [[nodiscard]] time_point after(duration length) const noexcept {
        const time_point from = now();
        return length > time_point::max() - from ? time_point::max() : from + length;
    }
    /// Calendar time in milliseconds since 1970.
    [[nodiscard]] std::int64_t wall_time_ms() const noexcept {
        return std::chrono::duration_cast<std::chrono::milliseconds>(wall_time().time_since_epoch()).count();
    }
};

/// The machine's clock.
[[nodiscard]] clock& real_clock() noexcept;

}  // namespace async
