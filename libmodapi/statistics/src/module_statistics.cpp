#include <modapi/hosting/module_statistics.h>

#include <algorithm>

namespace modapi {

namespace {

/// Adds each of `others` to the one of the same name, or after all.
template <class Counts, class Name>
void add_each(std::vector<Counts>& into, const std::vector<Counts>& others, Name Counts::*name) {
    for (const Counts& other : others) {
        const auto same =
            std::find_if(into.begin(), into.end(), [&](const Counts& known) { return known.*name == other.*name; });
        if (same != into.end()) {
            same->add(other);
        } else {
            into.push_back(other);
        }
    }
}

}  // namespace

void CallbackCounts::add(const CallbackCounts& others) {
    calls += others.calls;
    decided += others.decided;
    failed += others.failed;
    timed_calls += others.timed_calls;
    timed_ns += others.timed_ns;
    max_ns = std::max(max_ns, others.max_ns);
}

void CacheCounts::add(const CacheCounts& others) {
    counters.hits += others.counters.hits;
    counters.misses += others.counters.misses;
    counters.evicted_by_size += others.counters.evicted_by_size;
    counters.evicted_by_time += others.counters.evicted_by_time;
    counters.evicted_by_invalidation += others.counters.evicted_by_invalidation;
    counters.size += others.counters.size;
    counters.max_size += others.counters.max_size;
    counters.pending += others.counters.pending;
}

void ModuleStatistics::add(const ModuleStatistics& others) {
    add_each(callbacks, others.callbacks, &CallbackCounts::callback);
    add_each(caches, others.caches, &CacheCounts::function);
    for (const std::string& path : others.web_resources) {
        if (std::find(web_resources.begin(), web_resources.end(), path) == web_resources.end()) web_resources.push_back(path);
    }
    background_calls += others.background_calls;
    failed_background_calls += others.failed_background_calls;
}

}  // namespace modapi
