#pragma once

#include "events/room_store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace homeserver {

struct FoundEvents {
    std::vector<StoredEvent> events;  ///< in the order of the walk
    std::optional<std::int64_t>
        go_on_from;  ///< the `until` (backwards) or `after` of a walk that finds the rest; none: that is all
};

/// A walk through a stretch of a room's events for those that somebody wants.
///
///     EventSearch search(transaction, stretch, 10);
///     FoundEvents found = std::move(search).find();
///
/// Its first events come with the transaction's next statement, so that what decides which of them are wanted may come along.
/// For use inside a transaction; on PostgreSQL what follows in that is planned once too, whatever its values are. Cost: the
/// events that are looked at, of which there are at most `max_events_looked_at` beside the limit; a walk that ends for that says
/// where to go on.
class EventSearch {
public:
    static constexpr std::int64_t max_events_looked_at = 5000;

    EventSearch(modapi::Transaction& transaction, EventStretch stretch, std::int64_t limit);

    /// Without this everything is wanted.
    void set_wanted(std::function<bool(const StoredEvent&)> wants) { wants_ = std::move(wants); }
    /// Where a stretch ends that was begun as one to the end of the stream.
    void ends_at(std::int64_t position) noexcept { stretch_.until = position; }
    [[nodiscard]] FoundEvents find() &&;

private:
    modapi::Transaction* transaction_;
    EventStretch stretch_;
    std::int64_t limit_;
    std::function<bool(const StoredEvent&)> wants_;
    LaterEvents next_;
};

}  // namespace homeserver
