#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace async {

/// Upper bounds of durations' buckets, in nanoseconds: 1, 1.5, 2, 3, 5 and 7 in each power of ten, from 1 us to 70 s. A duration
/// belongs to the first that isn't below it; what is longer than the last has a bucket of its own behind them.
struct duration_bounds {
    static constexpr std::size_t count = 48;
    static constexpr std::array<std::uint64_t, count> upper = [] {
        constexpr std::array<std::uint64_t, 6> steps{1'000, 1'500, 2'000, 3'000, 5'000, 7'000};
        std::array<std::uint64_t, count> bounds{};
        std::uint64_t power = 1;
        for (std::size_t index = 0; index < count; ++index) {
            bounds[index] = steps[index % steps.size()] * power;
            if ((index + 1) % steps.size() == 0) power *= 10;
        }
        return bounds;
    }();
    /// Cost: a look into a table, and one comparison.
    [[nodiscard]] static std::size_t bucket_of(std::uint64_t nanoseconds) noexcept {
        const std::size_t first = first_of_cell[cell_of(nanoseconds)];
        return first + static_cast<std::size_t>(bounds_and_end[first] < nanoseconds);
    }

private:
    /// Numbers with the same highest three binary digits: the greatest isn't a quarter more than the least, so that at most one bound is
    /// among them.
    [[nodiscard]] static constexpr std::size_t cell_of(std::uint64_t nanoseconds) noexcept {
        constexpr std::uint64_t least = 4;  // below the first bound anyway
        const auto width = static_cast<std::size_t>(std::bit_width(nanoseconds | least));
        return width * 4 + ((nanoseconds >> (width - 3)) & 3U);
    }
    [[gnu::visibility("hidden")]] static constexpr std::array<std::uint64_t, count + 1> bounds_and_end = [] {
        std::array<std::uint64_t, count + 1> bounds{};
        for (std::size_t index = 0; index < count; ++index) bounds[index] = upper[index];
        bounds[count] = ~std::uint64_t{0};
        return bounds;
    }();
    /// The bucket of the least number of each cell.
    [[gnu::visibility("hidden")]] static constexpr std::array<unsigned char, 260> first_of_cell = [] {
        std::array<unsigned char, 260> first{};
        for (std::size_t width = 3; width <= 64; ++width) {
            for (std::uint64_t digits = 0; digits < 4; ++digits) {
                const std::uint64_t least = (4 + digits) << (width - 3);
                std::size_t bucket = 0;
                while (bucket < count && upper[bucket] < least) ++bucket;
                first[width * 4 + digits] = static_cast<unsigned char>(bucket);
            }
        }
        return first;
    }();
};

/// What a duration_histogram has counted by a moment; several can be added up.
struct duration_counts {
    std::array<std::uint64_t, duration_bounds::count + 1> buckets{};  ///< by duration_bounds
    std::uint64_t total_ns = 0;

    [[nodiscard]] std::uint64_t count() const noexcept {
        return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
    }
    /// Adds another one's counts.
    void add(const duration_counts& others) noexcept {
        for (std::size_t index = 0; index < buckets.size(); ++index) buckets[index] += others.buckets[index];
        total_ns += others.total_ns;
    }
};

/// How often something took how long. One thread writes; a reader on another one may see values that are a little old, never torn
/// ones. Cost: half a kilobyte; `add` is a search and two stores.
class duration_histogram {
public:
    /// Counts one that took as long.
    void add(std::uint64_t nanoseconds) noexcept {
        increase(buckets_[duration_bounds::bucket_of(nanoseconds)], 1);
        increase(total_ns_, nanoseconds);
    }
    [[nodiscard]] duration_counts counts() const noexcept {
        duration_counts counted;
        std::transform(buckets_.begin(), buckets_.end(), counted.buckets.begin(),
                       [](const auto& bucket) { return bucket.load(std::memory_order_relaxed); });
        counted.total_ns = total_ns_.load(std::memory_order_relaxed);
        return counted;
    }

private:
    static void increase(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, duration_bounds::count + 1> buckets_{};
    std::atomic<std::uint64_t> total_ns_{0};
};

}  // namespace async
