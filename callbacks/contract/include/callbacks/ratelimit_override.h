#pragma once

#include <cstdint>

namespace callbacks {

/// How often a user may do something, in the place of what is configured (contract: `RatelimitOverride`). Is never absurd: an
/// answer that would be is the module's failure.
class RatelimitOverride {
public:
    static constexpr double most_per_second = 1e9;
    static constexpr std::int64_t largest_burst = 1'000'000'000;

    /// Errors: std::invalid_argument for a rate that is no number from 0 to `most_per_second`, or a burst that isn't from 0 to
    /// `largest_burst`.
    RatelimitOverride(double per_second, std::int64_t burst_count);

    /// How many a second, in the long run. 0: as often as they like.
    [[nodiscard]] double per_second() const noexcept { return per_second_; }
    /// How many at once.
    [[nodiscard]] std::int64_t burst_count() const noexcept { return burst_count_; }
    [[nodiscard]] bool is_unlimited() const noexcept { return per_second_ <= 0; }
    bool operator==(const RatelimitOverride&) const = default;

private:
    double per_second_;
    std::int64_t burst_count_;
};

}  // namespace callbacks
