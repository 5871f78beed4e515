#include "events/event_search.h"

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

std::int64_t behind(const EventStretch& stretch, const StoredEvent& last) {
    return stretch.backwards ? last.position - 1 : last.position;
}

/// One more than is wanted tells whether there are further ones.
std::int64_t first_count(std::int64_t limit) { return limit + 1; }

/// PostgreSQL would plan a page of a large table anew each time: between the ends of one room it expects one row, whatever the
/// page has, and finds that cheaper than the plan for any room.
modapi::Transaction& with_lasting_plans(modapi::Transaction& transaction) {
    if (transaction.engine() == "postgresql") transaction.execute_later("SET LOCAL plan_cache_mode = force_generic_plan");
    return transaction;
}

}  // namespace

EventSearch::EventSearch(modapi::Transaction& transaction, EventStretch stretch, std::int64_t limit)
    : transaction_(&transaction),
      stretch_(std::move(stretch)),
      limit_(limit),
      next_(events_of(with_lasting_plans(transaction), stretch_, first_count(limit))) {}

FoundEvents EventSearch::find() && {
    constexpr std::int64_t fewest_at_once = 100;
    FoundEvents found;
    EventStretch rest = stretch_;
    std::int64_t& begin_of_rest = rest.backwards ? rest.until : rest.after;
    const std::int64_t begin = begin_of_rest;
    std::int64_t at_once = first_count(limit_);
    for (std::int64_t looked_at = 0; looked_at < max_events_looked_at + limit_; looked_at += at_once) {
        if (looked_at > 0) {
            at_once = std::max(fewest_at_once, at_once);
            next_ = events_of(*transaction_, rest, at_once);
        }
        std::vector<StoredEvent> events = next_.take();
        if (!events.empty()) begin_of_rest = behind(rest, events.back());
        const bool was_last = static_cast<std::int64_t>(events.size()) < at_once;
        for (StoredEvent& stored : events) {
            if (wants_ && !wants_(stored)) continue;
            if (static_cast<std::int64_t>(found.events.size()) == limit_) {
                found.go_on_from = found.events.empty() ? begin : behind(rest, found.events.back());
                return found;
            }
            found.events.push_back(std::move(stored));
        }
        if (was_last) return found;
    }
    found.go_on_from = begin_of_rest;
    return found;
}

}  // namespace homeserver
