#pragma once

#include "events/stream.h"
#include "rooms/appended_event.h"
#include "rooms/draft.h"

#include <callbacks/event.h>
#include <modapi/database.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

/// An event that waits to be stored with those beside it.
struct PendingEvent {
    explicit PendingEvent(callbacks::Event waiting) : event(std::move(waiting)) {}

    callbacks::Event event;
    std::optional<SentTransaction> transaction;
    std::optional<ExpectedState> expected;                  ///< Draft::expected
    std::function<bool(modapi::Transaction&)> still_holds;  ///< Draft::still_holds
    std::function<void(modapi::Transaction&)> alongside;    ///< Draft::alongside
    std::optional<std::string> redacted_sender;             ///< whose event a redaction takes back; none: it is none
};

/// Whether one of them is state.
[[nodiscard]] bool changes_state(const std::vector<PendingEvent>& events);

/// The id of the first event that was made of what isn't so any more; none: all hold. For use inside a transaction.
[[nodiscard]] std::optional<std::string> find_outdated(modapi::Transaction& transaction, const std::vector<PendingEvent>& events);

/// Stores them at their room's end, in their order, with what their transaction does beside. `head` is where the
/// room stands, as the transaction has read it, `before` its state without them, and `members` who is in it then; null: they
/// are looked up in it. `first` is what the first one's position is drawn from; null: the stream is asked. Gives those whose
/// memberships they set, who are to be told. For use inside a transaction.
[[nodiscard]] std::vector<std::string> append_events(modapi::Transaction& transaction, const std::vector<PendingEvent>& events,
                                                     RoomHead& head, const callbacks::StateMap& before,
                                                     NotifiedMembers* members = nullptr, LaterStreamPosition* first = nullptr);
/// Adds those who are joined in a room of this state to `users`, in the order of the state's keys. An event that is stored there
/// is told to them, and to those whose memberships it sets.
void add_joined(const callbacks::StateMap& state, std::vector<std::string>& users);

}  // namespace homeserver
