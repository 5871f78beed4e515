#include "worker_under_test.h"

#include <async/cached.h>

#include <gtest/gtest.h>
#include <boost/json/serialize.hpp>

#include <string>

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
    /// A number of the row of a function.
    [[nodiscard]] std::uint64_t number(const std::string& function, const std::string& what) const {
        for (const callbacks::JsonValue& row : under_test.worker.cache_statistics()) {
            if (row.at("function").as_string() == function) return row.at(what).to_number<std::uint64_t>();
        }
        ADD_FAILURE() << "no row of " << function;
        return 0;
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
    EXPECT_EQ(worker.number("look_Up-0", "max_size"), 10U);
    EXPECT_EQ(worker.number("look_Up-0", "size"), 10U);
    EXPECT_EQ(worker.number("look_Up-0", "evicted_by_size"), 10U);
    EXPECT_EQ(worker.number("lasting", "max_size"), 1000U);
}

TEST(CacheSettingsTest, AFunctionsOwnFactorBeatsTheGlobalOne) {
    CacheSettings settings;
    settings.global_factor = 0.0301;
    settings.per_cache_factors["look_up"] = 0.55;
    Configured worker(settings);
    worker.ask(40);
    EXPECT_EQ(worker.number("look_Up-0", "max_size"), 5U);
    EXPECT_EQ(worker.number("look_Up-0", "size"), 5U);
    EXPECT_EQ(worker.number("lasting", "max_size"), 30U);
    EXPECT_EQ(worker.number("lasting", "evicted_by_size"), 10U);
}

TEST(CacheSettingsTest, AFactorOfZeroKeepsNothing) {
    CacheSettings settings;
    settings.global_factor = 0;
    Configured worker(settings);
    worker.ask(2);
    worker.ask(2);
    EXPECT_EQ(worker.number("look_Up-0", "misses"), 4U);
    EXPECT_EQ(worker.number("look_Up-0", "size"), 0U);
}

TEST(CacheSettingsTest, HugeFactorsAreNoOverflow) {
    CacheSettings settings;
    settings.global_factor = 1e300;
    Configured worker(settings);
    EXPECT_EQ(worker.number("lasting", "max_size"), 4294967295U);
}

TEST(CacheSettingsTest, EntriesThatNobodyAsksForGoByThemselves) {
    CacheSettings settings;
    settings.cache_entry_ttl = 5min;
    Configured worker(settings);
    worker.ask(3);
    worker.under_test.advance(4min);
    worker.ask(1);
    EXPECT_EQ(worker.number("look_Up-0", "hits"), 1U);
    worker.under_test.advance(2min);
    EXPECT_EQ(worker.number("look_Up-0", "size"), 1U);
    EXPECT_EQ(worker.number("look_Up-0", "evicted_by_time"), 2U);
    EXPECT_EQ(worker.number("lasting", "size"), 3U) << "it says itself for how long";
    worker.under_test.advance(2h);
    EXPECT_EQ(worker.number("lasting", "evicted_by_time"), 3U);
}

TEST(CacheSettingsTest, NothingGoesByTimeWhereThatIsTurnedOff) {
    CacheSettings settings;
    settings.cache_entry_ttl.reset();
    Configured worker(settings);
    worker.ask(3);
    worker.under_test.advance(100h);
    EXPECT_EQ(worker.number("look_Up-0", "size"), 3U);
    EXPECT_EQ(worker.number("lasting", "size"), 0U) << "but for what the function says itself";
}

TEST(CacheSettingsTest, StatisticsNameModuleAndFunction) {
    Configured worker{CacheSettings()};
    worker.ask(2);
    worker.ask(2);
    Lookups::last->plain.invalidate(1);
    const callbacks::JsonArray rows = worker.under_test.worker.cache_statistics();
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(boost::json::serialize(rows.at(1)),
              R"({"module":"test.Module0","function":"look_Up-0","hits":2,"misses":2,"evicted_by_size":0,"evicted_by_time":0,)"
              R"("evicted_by_invalidation":1,"size":1,"max_size":10,"pending":0})");
}

}  // namespace
