#include "worker_under_test.h"

#include <async/cached.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::CacheSettings;

/// Two cached functions, the second of which says how long it keeps its entries.
class Lookups {
public:
    Lookups(const JsonDict&, modapi::ModuleApi& api) {
        api.register_cached_function(plain);
        api.register_cached_function(lasting);
        last = this;
    }
    async::task<int> fetch(int number) { co_return number; }
    async::task<void> ask_plain(int number) { static_cast<void>(co_await plain(number)); }
    async::task<void> ask_lasting(int number) { static_cast<void>(co_await lasting(number)); }

    static inline Lookups* last = nullptr;
    async::cached<int(int)> plain{"look_Up-0", async::bind<&Lookups::fetch>(this), async::cache_options().max_entries(10)};
    async::cached<int(int)> lasting{"lasting", async::bind<&Lookups::fetch>(this), async::cache_options().expire_after(2h)};
};

/// A worker whose operator said this of caches.
class Configured {
public:
    explicit Configured(CacheSettings caches)
        : under_test([&] {
              modapi::WorkerSettings settings;
              settings.caches = std::move(caches);
              return settings;
          }()) {
        under_test.construct<Lookups>();
    }
    void ask(int count) {
        for (int number = 0; number < count; ++number) {
            under_test.wait(Lookups::last->ask_plain(number));
            under_test.wait(Lookups::last->ask_lasting(number));
        }
    }
    [[nodiscard]] async::cache_counters counters(const std::string& function) const {
        const std::vector<modapi::ModuleStatistics> modules = under_test.worker.module_statistics();
        for (const modapi::CacheCounts& cache : modules.at(0).caches) {
            if (cache.function == function) return cache.counters;
        }
        ADD_FAILURE() << "no cache of " << function;
        return {};
    }

    WorkerUnderTest under_test;
};

TEST(CacheSettingsTest, NamesAreReadAsTheContractsServerDoes) {
    EXPECT_EQ(CacheSettings::name_in_configuration("look_Up-0"), "look_up");
    EXPECT_EQ(CacheSettings::name_in_configuration("getUser19é"), "getuser19");
}

TEST(CacheSettingsTest, WhatAFunctionSaysItKeepsIsKeptWithoutSettings) {
    Configured worker{CacheSettings()};
    worker.ask(20);
    EXPECT_EQ(worker.counters("look_Up-0").max_size, 10U);
    EXPECT_EQ(worker.counters("look_Up-0").size, 10U);
    EXPECT_EQ(worker.counters("look_Up-0").evicted_by_size, 10U);
    EXPECT_EQ(worker.counters("lasting").max_size, 1000U);
}

TEST(CacheSettingsTest, AFunctionsOwnFactorBeatsTheGlobalOne) {
    CacheSettings settings;
    settings.global_factor = 0.0301;
    settings.per_cache_factors["look_up"] = 0.55;
    Configured worker(settings);
    worker.ask(40);
    EXPECT_EQ(worker.counters("look_Up-0").max_size, 5U);
    EXPECT_EQ(worker.counters("look_Up-0").size, 5U);
    EXPECT_EQ(worker.counters("lasting").max_size, 30U);
    EXPECT_EQ(worker.counters("lasting").evicted_by_size, 10U);
}

TEST(CacheSettingsTest, AFactorOfZeroKeepsNothing) {
    CacheSettings settings;
    settings.global_factor = 0;
    Configured worker(settings);
    worker.ask(2);
    worker.ask(2);
    EXPECT_EQ(worker.counters("look_Up-0").misses, 4U);
    EXPECT_EQ(worker.counters("look_Up-0").size, 0U);
}

TEST(CacheSettingsTest, HugeFactorsAreNoOverflow) {
    CacheSettings settings;
    settings.global_factor = 1e300;
    Configured worker(settings);
    EXPECT_EQ(worker.counters("lasting").max_size, 4294967295U);
}

TEST(CacheSettingsTest, EntriesThatNobodyAsksForGoByThemselves) {
    CacheSettings settings;
    settings.cache_entry_ttl = 5min;
    Configured worker(settings);
    worker.ask(3);
    worker.under_test.advance(4min);
    worker.ask(1);
    EXPECT_EQ(worker.counters("look_Up-0").hits, 1U);
    worker.under_test.advance(2min);
    EXPECT_EQ(worker.counters("look_Up-0").size, 1U);
    EXPECT_EQ(worker.counters("look_Up-0").evicted_by_time, 2U);
    EXPECT_EQ(worker.counters("lasting").size, 3U) << "it says itself for how long";
    worker.under_test.advance(2h);
    EXPECT_EQ(worker.counters("lasting").evicted_by_time, 3U);
}

TEST(CacheSettingsTest, NothingGoesByTimeWhereThatIsTurnedOff) {
    CacheSettings settings;
    settings.cache_entry_ttl.reset();
    Configured worker(settings);
    worker.ask(3);
    worker.under_test.advance(100h);
    EXPECT_EQ(worker.counters("look_Up-0").size, 3U);
    EXPECT_EQ(worker.counters("lasting").size, 0U) << "but for what the function says itself";
}

TEST(CacheSettingsTest, StatisticsNameModuleAndFunction) {
    Configured worker{CacheSettings()};
    worker.ask(2);
    worker.ask(2);
    Lookups::last->plain.invalidate(1);
    const std::vector<modapi::ModuleStatistics> modules = worker.under_test.worker.module_statistics();
    ASSERT_EQ(modules.size(), 1U);
    EXPECT_EQ(modules[0].module, "test.Module0");
    ASSERT_EQ(modules[0].caches.size(), 2U);
    EXPECT_EQ(modules[0].caches[0].function, "look_Up-0");
    const async::cache_counters& counted = modules[0].caches[0].counters;
    EXPECT_EQ(counted.hits, 2U);
    EXPECT_EQ(counted.misses, 2U);
    EXPECT_EQ(counted.evicted_by_size, 0U);
    EXPECT_EQ(counted.evicted_by_time, 0U);
    EXPECT_EQ(counted.evicted_by_invalidation, 1U);
    EXPECT_EQ(counted.size, 1U);
    EXPECT_EQ(counted.max_size, 10U);
    EXPECT_EQ(counted.pending, 0U);
}

}  // namespace
