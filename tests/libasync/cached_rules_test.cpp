#include <async/cached.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

/// Keys, counters and bounds of cached functions, and cancellations of their runs by deadlines.
namespace cached_rules_test {

using namespace std::chrono_literals;

class Source {
public:
    async::task<std::string> fetch(const std::string& room, int page, const std::string& reason) {
        const int run = ++runs;
        last_reason = reason;
        co_await async::sleep_for(1s);
        co_return room + std::to_string(page) + "#" + std::to_string(run);
    }
    int runs = 0;
    std::string last_reason;
};

/// Only the first two arguments make the key.
using pages = async::cached<std::string(const std::string&, int, const std::string&), 2>;

struct Cache {
    explicit Cache(async::cache_options options = async::cache_options())
        : page("page", async::bind<&Source::fetch>(&source), options) {}
    Source source;
    pages page;
};

async::task<std::string> look_up(Cache& cache, std::string room, int page, std::string reason = "none") {
    co_return co_await cache.page(room, page, reason);
}

TEST(CachedKey, IsTheFirstArgumentsAndTheRestOnlyTravels) {
    async::testing::simulation time;
    Cache cache;
    EXPECT_EQ(cache.page.key_parts(), 2U);
    EXPECT_EQ(time.run(look_up(cache, "a", 1, "first")), "a1#1");
    EXPECT_EQ(cache.source.last_reason, "first");
    EXPECT_EQ(time.run(look_up(cache, "a", 1, "second")), "a1#1");
    EXPECT_EQ(cache.source.last_reason, "first");
    EXPECT_EQ(time.run(look_up(cache, "a", 2, "third")), "a2#2");
}

TEST(CachedKey, APrefixInvalidatesEveryKeyThatBeginsWithIt) {
    async::testing::simulation time;
    Cache cache;
    static_cast<void>(time.run(look_up(cache, "a", 1)));
    static_cast<void>(time.run(look_up(cache, "a", 2)));
    static_cast<void>(time.run(look_up(cache, "b", 1)));
    const auto in_flight = time.start(look_up(cache, "a", 3));
    time.run_ready();
    cache.page.invalidate_prefix("a");
    EXPECT_EQ(time.run(look_up(cache, "b", 1)), "b1#3");
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#5");
    EXPECT_EQ(in_flight.result(), "a3#4");
    EXPECT_EQ(time.run(look_up(cache, "a", 3)), "a3#6") << "the detached run wasn't kept";
    EXPECT_EQ(cache.page.counters().evicted_by_invalidation, 2U);
}

TEST(CachedKey, ATextThatIsNoKeyDoesNothing) {
    async::testing::simulation time;
    Cache cache;
    static_cast<void>(time.run(look_up(cache, "a", 1)));
    EXPECT_FALSE(cache.page.invalidate_strings(std::vector<std::string>{"a"}));
    EXPECT_FALSE(cache.page.invalidate_strings(std::vector<std::string>{"a", "1x"}));
    EXPECT_FALSE(cache.page.invalidate_strings(std::vector<std::string>{"a", ""}));
    EXPECT_FALSE(cache.page.invalidate_strings(std::vector<std::string>{"a", "99999999999999"}));
    EXPECT_FALSE(cache.page.invalidate_prefix_strings(std::vector<std::string>()));
    EXPECT_FALSE(cache.page.invalidate_prefix_strings(std::vector<std::string>{"a", "1", "none"}));
    EXPECT_EQ(cache.page.counters().size, 1U);
    EXPECT_TRUE(cache.page.invalidate_strings(cache.page.key_strings("a", 1)));
    EXPECT_EQ(cache.page.counters().size, 0U);
}

TEST(CachedKey, MayBeNothingAtAll) {
    async::testing::simulation time;
    int runs = 0;
    async::cached<int()> only("only", [&runs] { return ++runs; });
    const auto ask = [](async::cached<int()>& cache) -> async::task<int> { co_return co_await cache(); };
    EXPECT_EQ(time.run(ask(only)), 1);
    EXPECT_EQ(time.run(ask(only)), 1);
    EXPECT_TRUE(only.invalidate_strings(only.key_strings()));
    EXPECT_EQ(time.run(ask(only)), 2);
}

TEST(CachedCounters, CountHitsMissesAndWhyEntriesWent) {
    async::testing::simulation time;
    Cache cache(async::cache_options().max_entries(2));
    const auto first = time.start(look_up(cache, "a", 1));
    const auto joined = time.start(look_up(cache, "a", 1));
    time.run_ready();
    EXPECT_EQ(cache.page.counters().pending, 1U);
    time.advance(1s);
    EXPECT_EQ(cache.page.counters().pending, 0U);
    EXPECT_TRUE(first.done() && joined.done());
    for (int page = 2; page <= 4; ++page) static_cast<void>(time.run(look_up(cache, "a", page)));
    cache.page.invalidate("a", 4);
    time.advance(30min);
    cache.page.drop_expired();
    const async::cache_counters counted = cache.page.counters();
    EXPECT_EQ(counted.hits, 1U);
    EXPECT_EQ(counted.misses, 4U);
    EXPECT_EQ(counted.evicted_by_size, 2U);
    EXPECT_EQ(counted.evicted_by_invalidation, 1U);
    EXPECT_EQ(counted.evicted_by_time, 1U);
    EXPECT_EQ(counted.size, 0U);
    EXPECT_EQ(counted.max_size, 2U);
}

TEST(CachedBounds, AMaximumOfNothingStillSharesRuns) {
    async::testing::simulation time;
    Cache cache(async::cache_options().max_entries(0));
    const auto first = time.start(look_up(cache, "a", 1));
    const auto second = time.start(look_up(cache, "a", 1));
    time.advance(1s);
    EXPECT_EQ(first.result(), "a1#1");
    EXPECT_EQ(second.result(), "a1#1");
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#2");
}

TEST(CachedBounds, ShrinkingDropsTheLeastRecentlyUsedAtOnce) {
    async::testing::simulation time;
    Cache cache;
    for (int page = 1; page <= 3; ++page) static_cast<void>(time.run(look_up(cache, "a", page)));
    static_cast<void>(time.run(look_up(cache, "a", 1)));
    cache.page.resize(2);
    EXPECT_EQ(cache.page.counters().size, 2U);
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#1");
    EXPECT_EQ(time.run(look_up(cache, "a", 3)), "a3#3");
    EXPECT_EQ(time.run(look_up(cache, "a", 2)), "a2#4");
}

TEST(CachedBounds, AnEntryExpiresAtItsLimitAndNotBefore) {
    async::testing::simulation time;
    Cache cache(async::cache_options().expire_after(10min));
    static_cast<void>(time.run(look_up(cache, "a", 1)));
    static_cast<void>(time.run(look_up(cache, "b", 1)));
    time.advance(10min - 2s);
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#1");
    time.advance(2s);
    EXPECT_EQ(time.run(look_up(cache, "b", 1)), "b1#3");
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#1");
}

TEST(CachedBounds, AnExpiryOfZeroMeansNever) {
    async::testing::simulation time;
    Cache cache(async::cache_options().expire_after(0s));
    static_cast<void>(time.run(look_up(cache, "a", 1)));
    time.advance(24h * 365);
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#1");
}

TEST(CachedFlight, ADeadlineOfTheRunnerHandsTheWorkToAWaiter) {
    async::testing::simulation time;
    Cache cache;
    const auto runner = time.start(async::with_deadline(500ms, look_up(cache, "a", 1)));
    const auto waiter = time.start(look_up(cache, "a", 1));
    const auto another = time.start(look_up(cache, "a", 1));
    time.advance(600ms);
    ASSERT_TRUE(runner.done());
    EXPECT_THROW(runner.result(), async::deadline_exceeded);
    time.advance(1s);
    EXPECT_EQ(waiter.result(), "a1#2");
    EXPECT_EQ(another.result(), "a1#2");
}

TEST(CachedFlight, ADeadlineOfAWaiterIsItsOwn) {
    async::testing::simulation time;
    Cache cache;
    const auto runner = time.start(look_up(cache, "a", 1));
    const auto waiter = time.start(async::with_deadline(500ms, look_up(cache, "a", 1)));
    time.advance(600ms);
    ASSERT_TRUE(waiter.done());
    EXPECT_THROW(waiter.result(), async::deadline_exceeded);
    time.advance(1s);
    EXPECT_EQ(runner.result(), "a1#1");
    EXPECT_EQ(cache.source.runs, 1);
}

TEST(CachedFlight, OfARunnerWhoLeftIsStillKept) {
    async::testing::simulation time;
    Cache cache;
    const auto runner = time.start(look_up(cache, "a", 1));
    time.run_ready();
    runner.cancel(async::cancel_reason::caller_gone);
    time.advance(1s);
    ASSERT_TRUE(runner.done());
    EXPECT_THROW(runner.result(), async::operation_cancelled);
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#1");
}

TEST(CachedFlight, InvalidatedTwiceStartsTwoMoreRuns) {
    async::testing::simulation time;
    Cache cache;
    const auto first = time.start(look_up(cache, "a", 1));
    time.run_ready();
    cache.page.invalidate("a", 1);
    const auto second = time.start(look_up(cache, "a", 1));
    time.run_ready();
    cache.page.invalidate_all();
    const auto third = time.start(look_up(cache, "a", 1));
    time.advance(1s);
    EXPECT_EQ(first.result(), "a1#1");
    EXPECT_EQ(second.result(), "a1#2");
    EXPECT_EQ(third.result(), "a1#3");
    EXPECT_EQ(time.run(look_up(cache, "a", 1)), "a1#3");
}

TEST(CachedDeathTest, DestroyedWithARunInFlightItEndsTheProgram) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto destroy_early = [] {
        async::testing::simulation time;
        auto cache = std::make_unique<Cache>();
        const auto running = time.start(look_up(*cache, "a", 1));
        time.run_ready();
        cache.reset();
    };
    EXPECT_DEATH(destroy_early(), "async::cached: page was destroyed");
}

}  // namespace cached_rules_test
