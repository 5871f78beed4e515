#include "events/event_search.h"

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

/// The next events on the way, which is shortened by them.
std::vector<StoredEvent> next_events(modapi::Transaction& transaction, EventSearch& rest, std::int64_t count) {
    if (!rest.backwards) {
        std::vector<StoredEvent> events = earliest_events(transaction, rest.room_id, rest.after, rest.until, count);
        if (!events.empty()) rest.after = events.back().position;
        return events;
    }
    std::vector<StoredEvent> events = latest_events(transaction, rest.room_id, rest.after, rest.until, count);
    std::reverse(events.begin(), events.end());
    if (!events.empty()) rest.until = events.back().position - 1;
    return events;
}

std::int64_t behind(const EventSearch& search, const StoredEvent& last) {
    return search.backwards ? last.position - 1 : last.position;
}

}  // namespace

FoundEvents find_events(modapi::Transaction& transaction, const EventSearch& search) {
    constexpr std::int64_t fewest_at_once = 100;
    FoundEvents found;
    EventSearch rest = search;
    // One more than asked for tells whether there are further ones.
    std::int64_t at_once = search.limit + 1;
    for (std::int64_t looked_at = 0; looked_at < max_events_looked_at + search.limit; looked_at += at_once) {
        if (looked_at > 0) at_once = std::max(fewest_at_once, at_once);
        std::vector<StoredEvent> events = next_events(transaction, rest, at_once);
        const bool was_last = static_cast<std::int64_t>(events.size()) < at_once;
        for (StoredEvent& stored : events) {
            if (search.wants && !search.wants(stored)) continue;
            if (static_cast<std::int64_t>(found.events.size()) == search.limit) {
                const std::int64_t begin = search.backwards ? search.until : search.after;
                found.go_on_from = found.events.empty() ? begin : behind(search, found.events.back());
                return found;
            }
            found.events.push_back(std::move(stored));
        }
        if (was_last) return found;
    }
    found.go_on_from = search.backwards ? rest.until : rest.after;
    return found;
}

}  // namespace homeserver
