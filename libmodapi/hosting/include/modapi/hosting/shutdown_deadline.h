#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string_view>
#include <thread>

namespace modapi {

/// Ends the program in time whatever modules do: what blocks its thread can't be cut, only left behind.
///
/// Everything that was acknowledged is in the database by then, so that nothing is lost but the work of who didn't let go.
/// Thread: any. Lifetime: as soon as it ends nothing is ended any more. Cost: a thread that sleeps, from the beginning on: when it is
/// needed there may be no memory for one.
class ShutdownDeadline {
public:
    ShutdownDeadline();
    ~ShutdownDeadline();
    ShutdownDeadline(const ShutdownDeadline&) = delete;
    ShutdownDeadline& operator=(const ShutdownDeadline&) = delete;

    /// From now on there is so much time. When it is over, stderr is told `failure`, if that isn't empty, and who holds which worker,
    /// or whose code is still on which thread, and the program exits: with 0, or with 1 if it stops because of a failure.
    ///
    /// A later call leaves the time as it is and adds only the failure. Allocates nothing.
    void arm(std::chrono::milliseconds time, bool is_failure = false, std::string_view failure = {}) noexcept;
    [[nodiscard]] bool is_armed() noexcept;

private:
    void wait();
    [[noreturn]] void end_program() const noexcept;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_armed_ = false;
    bool stopped_in_time_ = false;
    bool is_failure_ = false;
    std::chrono::steady_clock::time_point end_;
    std::array<char, 1000> failure_{};
    std::size_t failure_size_ = 0;
    std::thread thread_;  // the last: it uses all the others
};

}  // namespace modapi
