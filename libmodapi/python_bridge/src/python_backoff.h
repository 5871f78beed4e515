#pragma once

#include <async/clock.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace modapi {

/// When a process that has died is started anew: at once, until it has died three times without one good answer to a callback
/// in between; then after 1 s, and each time twice as long, up to 60 s.
class PythonBackoff {
public:
    static constexpr std::uint32_t deaths_at_once = 3;
    static constexpr async::clock::duration first = std::chrono::seconds(1);
    static constexpr async::clock::duration longest = std::chrono::seconds(60);

    void died() noexcept { ++deaths_; }
    void answered() noexcept { deaths_ = 0; }
    [[nodiscard]] async::clock::duration wait() const noexcept {
        if (deaths_ < deaths_at_once) return async::clock::duration(0);
        constexpr std::uint32_t most_doublings = 6;  // beyond the longest
        return std::min<async::clock::duration>(first * (1U << std::min(deaths_ - deaths_at_once, most_doublings)), longest);
    }

private:
    std::uint32_t deaths_ = 0;
};

}  // namespace modapi
