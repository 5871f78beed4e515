#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>

namespace bench {

/// Calls of operator new in this process so far.
[[nodiscard]] std::size_t allocation_count() noexcept;

/// Reports allocations per iteration of everything between its construction and its end.
class AllocationsPerIteration {
public:
    explicit AllocationsPerIteration(benchmark::State& state) noexcept : state_(state), before_(allocation_count()) {}
    ~AllocationsPerIteration() {
        const std::size_t made = allocation_count() - before_;
        state_.counters["allocations"] = benchmark::Counter(static_cast<double>(made), benchmark::Counter::kAvgIterations);
    }
    AllocationsPerIteration(const AllocationsPerIteration&) = delete;
    AllocationsPerIteration& operator=(const AllocationsPerIteration&) = delete;

private:
    benchmark::State& state_;
    std::size_t before_;
};

/// Turns before the measurement, so that pools are full and caches warm.
inline constexpr int warm_up_turns = 256;

}  // namespace bench
