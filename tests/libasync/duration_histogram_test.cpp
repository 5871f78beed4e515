#include <async/dispatch.h>
#include <async/duration_histogram.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

/// Durations in buckets, and which runs of a dispatcher's come into which.
namespace duration_histogram_test {

using namespace std::chrono_literals;
using async::duration_bounds;

using asked = async::dispatch<"asked", int(const std::string&), async::first_not<0>, async::skip>;

async::task<int> ask(const asked& dispatcher) { co_return co_await dispatcher("argument"); }

/// What a function does that a test hands over.
class Module {
public:
    explicit Module(async::task<int> (*body)()) : body_(body) {}
    async::task<int> answer(const std::string&) { return body_(); }

private:
    async::task<int> (*body_)();
};

async::task<int> answer_after_three_milliseconds() {
    co_await async::sleep_for(3ms);
    co_return 0;
}

async::task<int> fail_after_three_milliseconds() {
    co_await async::sleep_for(3ms);
    throw std::runtime_error("no idea");
}

async::task<int> answer_at_once() { co_return 0; }

async::task<int> fail_at_once() {
    throw std::runtime_error("no idea");
    co_return 0;
}

/// What a module's runs, so many, were counted as.
struct Counted {
    async::duration_counts waited;
    async::duration_counts at_once;
};

Counted counted_of(async::task<int> (*body)(), int runs) {
    async::testing::simulation time;
    Module module(body);
    asked dispatcher;
    dispatcher.add("module", async::bind<&Module::answer>(&module), nullptr);
    for (int run = 0; run < runs; ++run) static_cast<void>(time.run(ask(dispatcher)));
    Counted counted;
    dispatcher.each_registration([&](const async::callback_identity& identity) {
        counted.waited = identity.statistics.waited.counts();
        counted.at_once = identity.statistics.at_once.counts();
    });
    return counted;
}

TEST(DurationHistogram, HasBucketsFromAMicrosecondToMoreThanAMinuteThatAreNoTwiceAsWideAsTheirBeginning) {
    const auto& bounds = duration_bounds::upper;
    EXPECT_EQ(bounds.front(), 1'000U);
    EXPECT_EQ(bounds.back(), 70'000'000'000U);
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
    for (std::size_t index = 1; index < bounds.size(); ++index) EXPECT_LT(bounds[index], 2 * bounds[index - 1]);
}

TEST(DurationHistogram, CountsWhatIsAsLongAsABoundBelowIt) {
    async::duration_histogram histogram;
    for (const std::uint64_t nanoseconds : {0U, 1'000U, 1'001U, 1'500U}) histogram.add(nanoseconds);
    histogram.add(70'000'000'001U);
    const async::duration_counts counted = histogram.counts();
    EXPECT_EQ(counted.buckets[0], 2U);
    EXPECT_EQ(counted.buckets[1], 2U);
    EXPECT_EQ(counted.buckets[duration_bounds::count], 1U) << "longer than any bound";
    EXPECT_EQ(counted.count(), 5U);
    EXPECT_EQ(counted.total_ns, 70'000'003'502U);
}

TEST(DurationHistogram, OfSeveralThreadsAddUp) {
    async::duration_histogram histogram;
    histogram.add(1);
    async::duration_counts together = histogram.counts();
    histogram.add(2'000);
    together.add(histogram.counts());
    EXPECT_EQ(together.buckets[0], 2U);
    EXPECT_EQ(together.buckets[2], 1U);
    EXPECT_EQ(together.total_ns, 2'002U);
}

TEST(DispatchDurations, AreOfEachRunThatWaitedHoweverItEnded) {
    for (const auto body : {&answer_after_three_milliseconds, &fail_after_three_milliseconds}) {
        const Counted counted = counted_of(body, 5);
        EXPECT_EQ(counted.waited.buckets[duration_bounds::bucket_of(3'000'000)], 5U);
        EXPECT_EQ(counted.waited.count(), 5U);
        EXPECT_EQ(counted.waited.total_ns, 15'000'000U);
        EXPECT_EQ(counted.at_once.count(), 0U) << "the first one is of the sample, but it waited";
    }
}

TEST(DispatchDurations, AreOfOneIn64OfTheRunsThatEndedAtOnce) {
    for (const auto body : {&answer_at_once, &fail_at_once}) {
        const Counted counted = counted_of(body, 65);
        EXPECT_EQ(counted.at_once.count(), 2U);
        EXPECT_EQ(counted.waited.count(), 0U);
    }
}

}  // namespace duration_histogram_test
