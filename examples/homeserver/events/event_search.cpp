#include "events/event_search.h"

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

/// One more than is asked for tells whether there are further ones.
std::int64_t first_count(const EventSearch& search) { return search.limit + 1; }

LaterEvents next_events(modapi::Transaction& transaction, const EventSearch& rest, std::int64_t count) {
    return events_between(transaction, rest.room_id, rest.after, rest.until, rest.backwards, count);
}

std::int64_t behind(const EventSearch& search, const StoredEvent& last) {
    return search.backwards ? last.position - 1 : last.position;
}

}  // namespace

LaterEvents begin_search(modapi::Transaction& transaction, const EventSearch& search) {
    return next_events(transaction, search, first_count(search));
}

FoundEvents find_events(modapi::Transaction& transaction, const EventSearch& search) {
    return find_events(transaction, search, begin_search(transaction, search));
}

FoundEvents find_events(modapi::Transaction& transaction, const EventSearch& search, LaterEvents next) {
    constexpr std::int64_t fewest_at_once = 100;
    FoundEvents found;
    EventSearch rest = search;
    std::int64_t at_once = first_count(search);
    for (std::int64_t looked_at = 0; looked_at < max_events_looked_at + search.limit; looked_at += at_once) {
        if (looked_at > 0) {
            at_once = std::max(fewest_at_once, at_once);
            next = next_events(transaction, rest, at_once);
        }
        std::vector<StoredEvent> events = next.take();
        std::int64_t& end_of_next = search.backwards ? rest.until : rest.after;
        if (!events.empty()) end_of_next = behind(search, events.back());
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
