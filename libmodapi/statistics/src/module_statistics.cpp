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

/// What a member says for all callbacks; none: not the same. `otherwise`: there are none.
template <class T>
std::optional<T> same_in_all(const std::vector<CallbackCounts>& callbacks, T CallbackCounts::*member, T otherwise) {
    if (callbacks.empty()) return otherwise;
    const T first = callbacks.front().*member;
    const bool is_same =
        std::all_of(callbacks.begin(), callbacks.end(), [&](const CallbackCounts& each) { return each.*member == first; });
    return is_same ? std::optional<T>(first) : std::nullopt;
}

void append(std::string& list, std::string_view kind, const std::string& names) {
    if (names.empty()) return;
    if (!list.empty()) list += "; ";
    list.append(kind).append(" ").append(names);
}

int lets_through(async::breaker_state state) {
    if (state == async::breaker_state::open) return 0;
    return state == async::breaker_state::half_open ? 1 : 2;
}

template <class Entries, class Name>
std::string joined(const Entries& entries, Name name_of) {
    std::string list;
    for (const auto& entry : entries) {
        if (!list.empty()) list += ", ";
        list += name_of(entry);
    }
    return list;
}

}  // namespace

void CallbackCounts::add(const CallbackCounts& others) {
    calls += others.calls;
    decided += others.decided;
    failed += others.failed;
    timed_calls += others.timed_calls;
    timed_ns += others.timed_ns;
    max_ns = std::max(max_ns, others.max_ns);
    waiting += others.waiting;
    max_waiting_ns = std::max(max_waiting_ns, others.max_waiting_ns);
    shadow.runs += others.shadow.runs;
    shadow.skipped += others.shadow.skipped;
    shadow.differed += others.shadow.differed;
    shadow.failed += others.shadow.failed;
    shadow.kept_back += others.shadow.kept_back;
    place = std::max(place, others.place);  // where the most modules run all places are told apart
    waited.add(others.waited);
    cut += others.cut;
    kept_out += others.kept_out;
    at_once.add(others.at_once);
    passed_by += others.passed_by;
    if (!breaker || (others.breaker && lets_through(*others.breaker) < lets_through(*breaker))) breaker = others.breaker;
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
    add_each(web_resource_calls, others.web_resource_calls, &CallbackCounts::callback);
    add_each(background_processes, others.background_processes, &CallbackCounts::callback);
    add_each(caches, others.caches, &CacheCounts::function);
    for (const std::string& path : others.web_resources) {
        if (std::find(web_resources.begin(), web_resources.end(), path) == web_resources.end()) web_resources.push_back(path);
    }
    background_calls += others.background_calls;
    failed_background_calls += others.failed_background_calls;
    http_client.add(others.http_client);
    database.add(others.database);
}

std::optional<async::call_mode> ModuleStatistics::mode_in_force() const {
    return same_in_all(callbacks, &CallbackCounts::mode, mode);
}

std::optional<std::uint32_t> ModuleStatistics::share_in_force() const {
    return same_in_all(callbacks, &CallbackCounts::share, share);
}

std::string_view state_of(const ModuleStatistics& module) {
    const auto is_off = [](const CallbackCounts& counts) { return counts.mode == async::call_mode::off || counts.share == 0; };
    const auto changes_nothing = [&](const CallbackCounts& counts) {
        return counts.mode == async::call_mode::shadow || is_off(counts);
    };
    const std::vector<CallbackCounts>& callbacks = module.callbacks;
    if (callbacks.empty()) return "running";
    if (std::all_of(callbacks.begin(), callbacks.end(), is_off)) return "off";
    if (std::all_of(callbacks.begin(), callbacks.end(), changes_nothing)) return "shadow";
    const auto is_broken = [&](const CallbackCounts& counts) {
        return !changes_nothing(counts) && counts.breaker.value_or(async::breaker_state::closed) != async::breaker_state::closed;
    };
    return std::any_of(callbacks.begin(), callbacks.end(), is_broken) ? "breaker_open" : "running";
}

void add_up(std::vector<ModuleStatistics>& together, const std::vector<ModuleStatistics>& of_worker) {
    auto place = together.begin();
    for (const ModuleStatistics& module : of_worker) {
        const auto is_there = [&](const ModuleStatistics& each) {
            return each.position > module.position || (each.position == module.position && each.module == module.module);
        };
        place = std::find_if(place, together.end(), is_there);
        if (place != together.end() && place->position == module.position) {
            place->add(module);
        } else {
            place = together.insert(place, module);
        }
    }
}

std::string registrations_of(const ModuleStatistics& module) {
    std::string list;
    append(list, "callbacks", joined(module.callbacks, [](const CallbackCounts& counts) { return counts.callback; }));
    append(list, "web resources", joined(module.web_resources, [](const std::string& path) { return path; }));
    append(list, "cached functions", joined(module.caches, [](const CacheCounts& counts) { return counts.function; }));
    return list.empty() ? "no callbacks" : list;
}

}  // namespace modapi
