#include "allocation_count.h"

#include <async/bind.h>
#include <async/cached.h>
#include <async/sync_wait.h>

#include <string>

namespace {

class Source {
public:
    async::task<int> fetch(const std::string& key) { co_return static_cast<int>(key.size()); }
};
using Lookup = async::cached<int(const std::string&)>;

async::task<void> await_hits(benchmark::State& state, Lookup& lookup) {
    static_cast<void>(co_await lookup("@alice:example.com"));
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        int found = co_await lookup("@alice:example.com");
        benchmark::DoNotOptimize(found);
    }
}
async::task<void> await_misses(benchmark::State& state, Lookup& lookup) {
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        int found = co_await lookup("@alice:example.com");
        benchmark::DoNotOptimize(found);
        lookup.invalidate("@alice:example.com");
    }
}
async::task<void> await_uncached(benchmark::State& state, Source& source) {
    const std::string key = "@alice:example.com";
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        int found = co_await source.fetch(key);
        benchmark::DoNotOptimize(found);
    }
}

void cache_hit(benchmark::State& state) {
    Source source;
    Lookup lookup("lookup", async::bind<&Source::fetch>(&source));
    async::sync_wait(await_hits(state, lookup));
}
void cache_miss(benchmark::State& state) {
    Source source;
    Lookup lookup("lookup", async::bind<&Source::fetch>(&source));
    async::sync_wait(await_misses(state, lookup));
}
void uncached(benchmark::State& state) {
    Source source;
    async::sync_wait(await_uncached(state, source));
}
BENCHMARK(uncached)->Name("cached/without");
BENCHMARK(cache_hit)->Name("cached/hit");
BENCHMARK(cache_miss)->Name("cached/miss");

}  // namespace
