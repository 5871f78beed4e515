#include "scenario.h"

#include <async/bind.h>
#include <async/cached.h>
#include <async/notification.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/sync_wait.h>

#include <benchmark/benchmark.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include <string>
#include <vector>

namespace bench {

namespace {

class Source {
public:
    async::task<int> fetch(const std::string& key) { co_return static_cast<int>(key.size()); }
};
using Lookup = async::cached<int(const std::string&)>;

/// User ids, as most keys are; as many as fit into the first-level cache with their entries.
std::vector<std::string> make_keys() {
    std::vector<std::string> keys;
    for (int index = 0; index < 64; ++index) keys.push_back("@user" + std::to_string(index) + ":example.com");
    return keys;
}

struct Cache {
    std::vector<std::string> keys = make_keys();
    Source source;
    Lookup lookup{"lookup", async::bind<&Source::fetch>(&source)};
    boost::asio::io_context io{1};
};

async::task<void> hit(Cache& cache, std::size_t count) {
    for (const std::string& key : cache.keys) static_cast<void>(co_await cache.lookup(key));
    for (std::size_t turn = 0; turn < count; ++turn) {
        const std::string& key = cache.keys[turn % cache.keys.size()];
        int found = co_await cache.lookup(key);
        benchmark::DoNotOptimize(found);
    }
}
async::task<void> miss(Cache& cache, std::size_t count) {
    for (std::size_t turn = 0; turn < count; ++turn) {
        const std::string& key = cache.keys[turn % cache.keys.size()];
        int found = co_await cache.lookup(key);
        benchmark::DoNotOptimize(found);
        cache.lookup.invalidate(key);
    }
}

/// A function that answers when it is told to.
struct Gated {
    async::task<int> fetch(const std::string& key) {
        ++runs;
        co_await gate.wait();
        co_return static_cast<int>(key.size());
    }
    async::notification gate;
    int runs = 0;
};
using GatedLookup = async::cached<int(const std::string&)>;

async::task<void> ask(GatedLookup& lookup, const std::string& key) { static_cast<void>(co_await lookup(key)); }

/// `waiters` callers of one key at once; one run answers them all.
async::task<void> single_flight(const async::environment& where, std::size_t waiters) {
    Gated gated;
    GatedLookup lookup("gated", async::bind<&Gated::fetch>(&gated));
    const std::string key = "@alice:example.com";
    async::scope callers(where, [](std::string_view, std::exception_ptr) { std::abort(); });
    for (std::size_t index = 0; index < waiters; ++index) callers.spawn("caller", ask(lookup, key));
    while (gated.gate.waiting() == 0 || lookup.counters().hits + 1 < waiters) co_await async::reschedule();
    gated.gate.notify_all();
    co_await callers.join();
    if (gated.runs != 1) std::abort();
}

}  // namespace

void add_cached_scenarios(std::vector<Scenario>& into) {
    into.push_back({"flat_map_find", [] {
                        const auto keys = std::make_shared<std::vector<std::string>>(make_keys());
                        const auto map = std::make_shared<boost::unordered_flat_map<std::string, int>>();
                        for (const std::string& key : *keys) map->emplace(key, static_cast<int>(key.size()));
                        return [keys, map](std::size_t count) {
                            for (std::size_t turn = 0; turn < count; ++turn) {
                                const std::string& key = (*keys)[turn % keys->size()];
                                int found = map->find(key)->second;
                                benchmark::DoNotOptimize(found);
                            }
                        };
                    }});
    into.push_back({"cached/hit", [] {
                        return [cache = std::make_shared<Cache>()](std::size_t count) {
                            async::sync_wait(cache->io, hit(*cache, count));
                        };
                    }});
    into.push_back({"cached/miss", [] {
                        return [cache = std::make_shared<Cache>()](std::size_t count) {
                            async::sync_wait(cache->io, miss(*cache, count));
                        };
                    }});
    for (const std::size_t waiters : {100, 1'000, 10'000}) {
        into.push_back({named("single_flight", waiters), [waiters] {
                            return [waiters](std::size_t count) {
                                for (std::size_t left = count; left > 0;) {
                                    const std::size_t now = std::min(left, waiters);
                                    boost::asio::io_context io(1);
                                    const async::environment where(io.get_executor());
                                    async::sync_wait(io, single_flight(where, now));
                                    left -= now;
                                }
                            };
                        }});
    }
}

}  // namespace bench
