#pragma once

#include <async/clock.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace modapi {

/// How much of what a module says is logged: a hundred lines a second. Of the others it is known how many there were.
class LinesASecond {
public:
    static constexpr std::uint64_t most = 100;

    /// Whether another line is logged. What left_out says first is said before it.
    [[nodiscard]] bool take(async::clock::time_point now) noexcept {
        if (is_over(now)) {
            began_ = now;
            logged_ = 0;
        }
        if (logged_ == most) {
            ++left_out_;
            return false;
        }
        ++logged_;
        return true;
    }
    /// So many weren't even sent.
    void leave_out(std::uint64_t lines) noexcept { left_out_ += lines; }
    /// How many weren't logged in a second that is over, told once; 0: none, or it isn't over.
    [[nodiscard]] std::uint64_t left_out(async::clock::time_point now) noexcept {
        return is_over(now) ? std::exchange(left_out_, 0) : 0;
    }
    /// Likewise at the end: nothing comes any more.
    [[nodiscard]] std::uint64_t left_out() noexcept { return std::exchange(left_out_, 0); }

private:
    [[nodiscard]] bool is_over(async::clock::time_point now) const noexcept { return now - began_ >= std::chrono::seconds(1); }

    async::clock::time_point began_{};
    std::uint64_t logged_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace modapi
