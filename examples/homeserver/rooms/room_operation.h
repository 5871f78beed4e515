#pragma once

#include "events/room_store.h"
#include "rooms/pending_event.h"

#include <modapi/database.h>

#include <callbacks/event.h>

#include <async/context.h>
#include <async/operation.h>
#include <async/task.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

/// The events that one operation makes in a room: they are stored together or not at all, and nobody else sees them before.
///
/// What runs in its context is inside: it sees the room with these events, and as long as the operation is open, what it sends
/// into the room becomes one of them.
///
/// Lifetime and thread: as async::operation. Cost: a copy of the room's state for the first state event that is added, and for
/// each whose predecessor's state somebody keeps.
class RoomOperation final : public async::operation {
public:
    RoomOperation(const async::context& outer, std::string room_id) : operation(outer), room_id_(std::move(room_id)) {}

    /// The innermost one about that room which a chain is in the middle of; null: none.
    [[nodiscard]] static RoomOperation* around(const async::context& here, std::string_view room_id) noexcept;
    /// The innermost one that what is sent from here becomes a part of; null: none.
    [[nodiscard]] static RoomOperation* open_around(const async::context& here, std::string_view room_id) noexcept;

    /// An event of one of the operations that a chain is in the middle of; null: none. Valid until that one changes.
    [[nodiscard]] static const callbacks::Event* find_pending(const async::context& here, std::string_view event_id) noexcept;

    /// Begins, or begins anew without the events that were there, in a room that stands like this.
    void begin(RoomHead head, std::shared_ptr<const callbacks::StateMap> state);
    /// Puts an event at the room's end.
    void add(PendingEvent pending);
    /// Puts all of another one's events there, which began where this one stands.
    void add_all(const RoomOperation& inner);

    [[nodiscard]] const std::string& room_id() const noexcept { return room_id_; }
    [[nodiscard]] const RoomHead& head() const noexcept { return head_; }
    /// The room's state with the events that were added. Never null; what it points to doesn't change while somebody has a copy
    /// of the pointer.
    [[nodiscard]] const std::shared_ptr<const callbacks::StateMap>& state() const noexcept { return state_; }
    /// The room's state where it began.
    [[nodiscard]] const std::shared_ptr<const callbacks::StateMap>& state_before() const noexcept { return state_before_; }
    [[nodiscard]] const std::vector<PendingEvent>& events() const noexcept { return events_; }

    /// Has the room's turn as this holder; what is sent from inside, also while it is closed, needs no turn of its own.
    void act_as(std::string holder) { holder_ = std::move(holder); }
    /// Is a part of what another one does in its turn, if that has it.
    void share_turn_of(const RoomOperation& whole) { holder_ = whole.holder_; }
    /// As whom the operations about that room have its turn that a chain is in the middle of; empty: they have none.
    [[nodiscard]] static std::string holder_around(const async::context& here, std::string_view room_id);

    /// From here on what is sent from inside doesn't become a part of it.
    void close() noexcept { is_open_ = false; }
    void open() noexcept { is_open_ = true; }

private:
    void append(PendingEvent pending);

    std::string room_id_;
    RoomHead head_;
    std::shared_ptr<const callbacks::StateMap> state_before_ = std::make_shared<const callbacks::StateMap>();
    std::shared_ptr<const callbacks::StateMap> state_ = state_before_;
    std::shared_ptr<callbacks::StateMap> own_state_;  ///< what state_ points to, if it was made here; else null
    std::vector<PendingEvent> events_;
    std::string holder_;  ///< of the room's turn; empty: it hasn't that
    bool is_open_ = true;
};

/// A room's state as a chain sees it that may be inside an operation about the room.
[[nodiscard]] async::task<callbacks::StateMap> visible_state(modapi::Database& database, std::string room_id);

}  // namespace homeserver
