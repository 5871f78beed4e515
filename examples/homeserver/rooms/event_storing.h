#pragma once

#include "events/room_store.h"
#include "push/notified_members.h"
#include "rooms/event_building.h"
#include "rooms/judged_state.h"
#include "rooms/pending_event.h"
#include "rooms/room_states.h"

#include <callbacks/event.h>
#include <modapi/database.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// What a store comes to.
struct Stored {
    bool is_stored = false;  ///< false: the room's state changed since the snapshot, and it matters
    bool room_is_taken = false;
    std::optional<std::string> outdated;                     ///< an event that was made of what isn't so any more
    std::optional<std::string> sent_before;                  ///< the same request came twice at once
    std::shared_ptr<const callbacks::StateMap> newer_state;  ///< what the events were stored on, if it isn't the snapshot's
    std::optional<callbacks::Event> moved;  ///< what was stored instead of the only one: the same behind newer events
    std::vector<std::string> users;         ///< who is to be woken
    std::shared_ptr<const std::vector<std::string>> members;  ///< of the room, who are too
};

/// Events of one room that were judged, and what they were judged on.
struct StoreOrder {
    RoomStates* states = nullptr;
    NotifiedRooms* notified = nullptr;
    std::string room_id;
    std::vector<PendingEvent> events;
    std::int64_t state_version = 0;
    JudgedState judged;
    std::string holder;  ///< of the room's turn; empty: not this one
};

/// Stores all events, if what they were judged on still holds, or none. For Database::run_in_turn.
[[nodiscard]] Stored store_events(modapi::Transaction& transaction, const StoreOrder& order, const EventOrigin& origin);

/// The state event that this one would only repeat; null if it says something new.
[[nodiscard]] const callbacks::Event* repeated(const callbacks::Event& event, const callbacks::StateMap& state);
[[nodiscard]] bool is_as_expected(const ExpectedState& expected, const callbacks::StateMap& state);
/// Everybody may take back what they sent; more takes the power level.
[[nodiscard]] bool may_redact(const callbacks::Event& redaction, const std::string& sender_of_redacted,
                              const callbacks::StateMap& state);

}  // namespace homeserver
