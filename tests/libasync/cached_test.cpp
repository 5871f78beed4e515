#include <async/cached.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cached_test {

using namespace std::chrono_literals;

/// A slow source of answers that counts how often it is asked.
class Source {
public:
    async::task<std::string> fetch(const std::string& key) {
        ++runs;
        const int run = runs;
        co_await async::sleep_for(1s);
        if (fails) throw std::runtime_error("no answer");
        co_return key + std::to_string(run);
    }
    int runs = 0;
    bool fails = false;
};

struct Cache {
    explicit Cache(async::cache_options options = async::cache_options())
        : lookup("lookup", async::bind<&Source::fetch>(&source), options) {}
    Source source;
    async::cached<std::string(const std::string&)> lookup;
};

async::task<std::string> look_up(Cache& cache, std::string key) { co_return co_await cache.lookup(key); }

TEST(Cached, RemembersByArguments) {
    async::testing::simulation time;
    Cache cache;
    EXPECT_EQ(time.run(look_up(cache, "a")), "a1");
    EXPECT_EQ(time.run(look_up(cache, "b")), "b2");
    EXPECT_EQ(time.run(look_up(cache, "a")), "a1");
    EXPECT_EQ(cache.source.runs, 2);
}

TEST(Cached, ConcurrentCallersOfOneKeyShareOneRun) {
    async::testing::simulation time;
    Cache cache;
    const auto first = time.start(look_up(cache, "a"));
    const auto second = time.start(look_up(cache, "a"));
    const auto other = time.start(look_up(cache, "b"));
    time.advance(1s);
    EXPECT_EQ(first.result(), "a1");
    EXPECT_EQ(second.result(), "a1");
    EXPECT_EQ(other.result(), "b2");
    EXPECT_EQ(cache.source.runs, 2);
}

TEST(Cached, AnExceptionReachesAllWaitersAndIsntKept) {
    async::testing::simulation time;
    Cache cache;
    cache.source.fails = true;
    const auto first = time.start(look_up(cache, "a"));
    const auto second = time.start(look_up(cache, "a"));
    time.advance(1s);
    EXPECT_THROW(first.result(), std::runtime_error);
    EXPECT_THROW(second.result(), std::runtime_error);
    cache.source.fails = false;
    EXPECT_EQ(time.run(look_up(cache, "a")), "a2");
}

TEST(Cached, AnInvalidationDetachesTheRunInFlight) {
    async::testing::simulation time;
    Cache cache;
    const auto before = time.start(look_up(cache, "a"));
    time.run_ready();
    cache.lookup.invalidate("a");
    const auto after = time.start(look_up(cache, "a"));
    time.advance(2s);
    EXPECT_EQ(before.result(), "a1");
    EXPECT_EQ(after.result(), "a2");
    EXPECT_EQ(time.run(look_up(cache, "a")), "a2");
    cache.lookup.invalidate("unknown");
}

TEST(Cached, APrefillWinsOverTheRunInFlight) {
    async::testing::simulation time;
    Cache cache;
    const auto before = time.start(look_up(cache, "a"));
    time.run_ready();
    cache.lookup.prefill("given", "a");
    EXPECT_EQ(time.run(look_up(cache, "a")), "given");
    time.advance(2s);
    EXPECT_EQ(before.result(), "a1");
    EXPECT_EQ(time.run(look_up(cache, "a")), "given");
}

TEST(Cached, AWaiterThatIsCancelledLeavesAndTheRestGoOn) {
    async::testing::simulation time;
    Cache cache;
    const auto first = time.start(look_up(cache, "a"));
    const auto second = time.start(look_up(cache, "a"));
    time.run_ready();
    second.cancel(async::cancel_reason::caller_gone);
    time.run_ready();
    EXPECT_TRUE(second.done());
    EXPECT_FALSE(first.done());
    time.advance(1s);
    EXPECT_EQ(first.result(), "a1");
}

TEST(Cached, ARunnerWhoseCallerIsGoneStillServesTheOthers) {
    async::testing::simulation time;
    Cache cache;
    const auto runner = time.start(look_up(cache, "a"));
    const auto waiter = time.start(look_up(cache, "a"));
    time.run_ready();
    runner.cancel(async::cancel_reason::caller_gone);
    time.advance(2s);
    EXPECT_EQ(waiter.result(), "a1");
    EXPECT_EQ(cache.source.runs, 1);
}

TEST(Cached, ARunThatIsStoppedIsRunAnewByAWaiter) {
    async::testing::simulation time;
    Cache cache;
    const auto runner = time.start(look_up(cache, "a"));
    const auto waiter = time.start(look_up(cache, "a"));
    time.run_ready();
    runner.cancel(async::cancel_reason::stopping);
    time.advance(2s);
    EXPECT_THROW(runner.result(), async::operation_cancelled);
    EXPECT_EQ(waiter.result(), "a2");
}

TEST(Cached, TheLeastRecentlyUsedEntriesGoFirst) {
    async::testing::simulation time;
    async::cache_options options;
    options.max_entries(2);
    Cache cache(options);
    for (const char* key : {"a", "b", "a", "c"}) static_cast<void>(time.run(look_up(cache, key)));
    EXPECT_EQ(cache.source.runs, 3);
    static_cast<void>(time.run(look_up(cache, "a")));
    EXPECT_EQ(cache.source.runs, 3);
    static_cast<void>(time.run(look_up(cache, "b")));
    EXPECT_EQ(cache.source.runs, 4);
}

TEST(Cached, EntriesThatNobodyUsesForHalfAnHourGo) {
    async::testing::simulation time;
    Cache cache;
    static_cast<void>(time.run(look_up(cache, "a")));
    time.advance(29min);
    EXPECT_EQ(time.run(look_up(cache, "a")), "a1");
    time.advance(29min);
    EXPECT_EQ(time.run(look_up(cache, "a")), "a1");
    time.advance(31min);
    EXPECT_EQ(time.run(look_up(cache, "a")), "a2");
}

TEST(Cached, KeysTravelAsTexts) {
    async::testing::simulation time;
    int runs = 0;
    async::cached<int(const std::string&, int, bool)> cache("three", [&](const std::string&, int, bool) { return ++runs; });
    const auto ask = [](async::cached<int(const std::string&, int, bool)>& asked) -> async::task<int> {
        co_return co_await asked("x", -7, true);
    };
    EXPECT_EQ(time.run(ask(cache)), 1);
    const std::vector<std::string> key = cache.key_strings("x", -7, true);
    EXPECT_EQ(key, (std::vector<std::string>{"x", "-7", "true"}));
    EXPECT_TRUE(cache.invalidate_strings(key));
    EXPECT_EQ(time.run(ask(cache)), 2);
    EXPECT_FALSE(cache.invalidate_strings(std::vector<std::string>{"x", "seven", "true"}));
    EXPECT_TRUE(cache.invalidate_prefix_strings(std::vector<std::string>{"x"}));
    EXPECT_EQ(time.run(ask(cache)), 3);
    cache.invalidate_all();
    EXPECT_EQ(time.run(ask(cache)), 4);
}

}  // namespace cached_test
