#pragma once

#include "events/room_store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// A walk through a room's events for those that somebody wants.
struct EventSearch {
    std::string room_id;
    bool backwards = true;
    std::int64_t after = 0;  ///< the stretch that is searched begins behind this position
    std::int64_t until = 0;  ///< and ends with this one
    std::int64_t limit = 10;
    std::function<bool(const StoredEvent&)> wants;  ///< empty: everything is wanted
};

struct FoundEvents {
    std::vector<StoredEvent> events;  ///< in the order of the walk
    std::optional<std::int64_t>
        go_on_from;  ///< the `until` (backwards) or `after` of a walk that finds the rest; none: that is all
};

/// For use inside a transaction. Cost: the events that are looked at, of which there are at most `max_events_looked_at` beside
/// `limit`; a walk that ends for that says where to go on.
[[nodiscard]] FoundEvents find_events(modapi::Transaction& transaction, const EventSearch& search);
/// Asks for the first events of the walk, which come with the transaction's next statement.
[[nodiscard]] LaterEvents begin_search(modapi::Transaction& transaction, const EventSearch& search);
/// Goes on with a walk from its first events. What the search wants, and where it ends if there is nothing behind that, need only
/// be known by now.
[[nodiscard]] FoundEvents find_events(modapi::Transaction& transaction, const EventSearch& search, LaterEvents first);

constexpr std::int64_t max_events_looked_at = 5000;

}  // namespace homeserver
