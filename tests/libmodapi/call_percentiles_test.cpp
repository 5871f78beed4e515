#include <modapi/hosting/module_statistics.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

/// Percentiles and totals of calls whose durations are known.
namespace call_percentiles_test {

using modapi::CallbackCounts;

constexpr std::uint64_t us = 1'000;
constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t s = 1'000'000'000;

void add(CallbackCounts& counts, async::duration_counts& durations, std::uint64_t nanoseconds, std::uint64_t times) {
    durations.buckets[async::duration_bounds::bucket_of(nanoseconds)] += times;
    durations.total_ns += nanoseconds * times;
    counts.max_ns = std::max(counts.max_ns, nanoseconds);
}

/// `times` calls that waited.
void add_waited(CallbackCounts& counts, std::uint64_t nanoseconds, std::uint64_t times) {
    counts.calls += times;
    add(counts, counts.waited, nanoseconds, times);
}

/// 64 times as many calls that answered at once.
void add_sampled(CallbackCounts& counts, std::uint64_t nanoseconds, std::uint64_t times) {
    counts.calls += 64 * times;
    add(counts, counts.at_once, nanoseconds, times);
}

TEST(CallPercentiles, OfEvenlySpreadDurationsAreWhereTheyAre) {
    CallbackCounts counts;
    for (std::uint64_t call = 1; call <= 1000; ++call) add_waited(counts, call * ms, 1);
    EXPECT_NEAR(counts.percentile_ns(0.5), 500.0 * ms, 1.0 * ms);
    EXPECT_NEAR(counts.percentile_ns(0.9), 900.0 * ms, 1.0 * ms);
    EXPECT_NEAR(counts.percentile_ns(0.99), 990.0 * ms, 1.0 * ms);
    EXPECT_EQ(counts.percentile_ns(1), 1000.0 * ms);
    EXPECT_EQ(counts.estimated_total_ns(), 500'500.0 * ms);
}

TEST(CallPercentiles, OfAFewSlowOnesAmongManyQuickOnesAreInTheirBuckets) {
    CallbackCounts counts;
    add_waited(counts, 2 * ms, 980);
    add_waited(counts, 4 * s, 20);
    EXPECT_GT(counts.percentile_ns(0.9), 1.5 * ms);
    EXPECT_LE(counts.percentile_ns(0.9), 2.0 * ms);
    EXPECT_GT(counts.percentile_ns(0.99), 3.0 * s);
    EXPECT_LE(counts.percentile_ns(0.99), 4.0 * s);
}

TEST(CallPercentiles, WeighTheSampleByWhatItStandsFor) {
    CallbackCounts counts;
    add_sampled(counts, 10 * us, 10);   // 640 calls
    add_waited(counts, 100 * ms, 360);  // and half as many that waited
    EXPECT_EQ(counts.sampled_calls_stand_for(), 64.0);
    EXPECT_LE(counts.percentile_ns(0.5), 10.0 * us) << "most calls answered at once, though few of them were measured";
    EXPECT_GT(counts.percentile_ns(0.65), 70.0 * ms);
    EXPECT_DOUBLE_EQ(counts.estimated_total_ns(), 640.0 * 10 * us + 360.0 * 100 * ms);
}

TEST(CallPercentiles, LeaveOutCallsThatHaveNotEnded) {
    CallbackCounts counts;
    add_sampled(counts, 10 * us, 1);
    counts.calls += 5;
    counts.waiting = 5;
    EXPECT_EQ(counts.sampled_calls_stand_for(), 64.0);
}

TEST(CallPercentiles, AreOfTheCallsThatTheModuleWasAskedIn) {
    CallbackCounts counts;
    add_sampled(counts, 10 * ms, 10);
    add_sampled(counts, 1 * us, 90);
    counts.calls = 64 * 10;  // with `share: 10%`
    counts.passed_by = 64 * 90;
    EXPECT_GT(counts.percentile_ns(0.01), 7.0 * ms);
    EXPECT_DOUBLE_EQ(counts.estimated_total_ns(), 64.0 * (10 * 10 * ms + 90 * us));
    counts.passed_by += counts.calls;
    counts.calls = 0;
    EXPECT_EQ(counts.percentile_ns(0.99), 0.0);
}

TEST(CallPercentiles, OfNoCallsAreNothing) {
    const CallbackCounts counts{};
    EXPECT_EQ(counts.percentile_ns(0.99), 0.0);
    EXPECT_EQ(counts.estimated_total_ns(), 0.0);
}

TEST(CallPercentiles, AreNeverBeyondTheLongestNotEvenBehindTheLastBound) {
    CallbackCounts counts;
    add_waited(counts, 1100, 1);
    EXPECT_LE(counts.percentile_ns(0.99), 1100.0);
    add_waited(counts, 90 * s, 1);
    EXPECT_GT(counts.percentile_ns(0.99), 70.0 * s);
    EXPECT_EQ(counts.percentile_ns(1), 90.0 * s);
}

TEST(CallPercentiles, AreOfTheCallsOfAllWorkers) {
    CallbackCounts one;
    add_waited(one, 1 * ms, 10);
    one.breaker = async::breaker_state::half_open;
    CallbackCounts other;
    add_waited(other, 1 * s, 10);
    add_sampled(other, 10 * us, 1);
    other.breaker = async::breaker_state::open;
    one.add(other);
    EXPECT_EQ(one.waited.count(), 20U);
    EXPECT_EQ(one.estimated_total_ns(), 10.0 * ms + 10.0 * s + 640.0 * us);
    EXPECT_EQ(one.breaker, async::breaker_state::open) << "the one that lets the least through";
    other.breaker.reset();
    other.add(one);
    EXPECT_EQ(other.breaker, async::breaker_state::open);
}

}  // namespace call_percentiles_test
