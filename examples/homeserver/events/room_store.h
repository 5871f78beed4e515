#pragma once

#include "events/kept_events.h"

#include <modapi/database.h>

#include <callbacks/event.h>
#include <callbacks/state_filter.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The rooms' tables. Every function is for use inside a transaction.
namespace homeserver {

/// An event with what the server knows beside it.
struct StoredEvent {
    callbacks::Event event;
    std::int64_t position = 0;
    std::optional<std::string> device_id;  ///< of the session that sent it with a transaction id
    std::optional<std::string> transaction_id;
    std::shared_ptr<const KeptEvent> kept{};  ///< null: it didn't come from the database
};

/// Rows of the events' table: event id, position, PDU, what `unsigned` begins with, device, transaction id.
using LaterEventRows = modapi::LaterRows<std::string, std::int64_t, std::string, std::string, std::optional<std::string>,
                                         std::optional<std::string>>;
using EventRow = LaterEventRows::row;
/// What a row says. Device and transaction id are moved out of it. Errors: those of parsing it.
[[nodiscard]] StoredEvent stored_event(EventRow& row);

/// Events that were asked for, and come with the transaction's next statement.
class LaterEvents {
public:
    explicit LaterEvents(LaterEventRows rows) : rows_(std::move(rows)) {}
    /// All of them, in order; once.
    [[nodiscard]] std::vector<StoredEvent> take();
    /// The first of them; none if there is none.
    [[nodiscard]] std::optional<StoredEvent> take_one();

private:
    LaterEventRows rows_;
};

/// Where a room stands: what a new event is built on.
struct RoomHead {
    std::vector<std::string> extremities;  ///< the events that no other one follows yet, the newest last
    std::int64_t depth = 0;
    std::int64_t state_version = 0;
};

/// The depth of an event on top of a room's head. Other servers' events may have the largest one that there is already.
[[nodiscard]] std::int64_t depth_after(const RoomHead& head) noexcept;

/// None for a room that isn't there.
[[nodiscard]] std::optional<RoomHead> find_head(modapi::Transaction& transaction, const std::string& room_id);

/// Where a room stands, which was asked for, and comes with the transaction's next statement.
class LaterHead {
public:
    LaterHead(modapi::Transaction& transaction, const std::string& room_id);
    /// None for a room that isn't there; once.
    [[nodiscard]] std::optional<RoomHead> take();

private:
    modapi::LaterRows<std::int64_t, std::int64_t, std::string> rows_;
};

/// Stores where a room stands, along with the transaction's next statement.
void store_head(modapi::Transaction& transaction, const std::string& room_id, const RoomHead& head);

/// Whether the room is in the directory; false for a room that isn't there.
[[nodiscard]] bool room_is_public(modapi::Transaction& transaction, const std::string& room_id);

[[nodiscard]] callbacks::StateMap current_state(modapi::Transaction& transaction, const std::string& room_id);
[[nodiscard]] std::optional<callbacks::Event> current_state_event(modapi::Transaction& transaction, const std::string& room_id,
                                                                  const std::string& type, const std::string& state_key);
/// What has an empty state key in the current state: what the room is like, without its members. Cost: reads none of them.
[[nodiscard]] callbacks::StateMap state_without_keys(modapi::Transaction& transaction, const std::string& room_id);
/// What an entry of `filter` wants from the current state.
[[nodiscard]] callbacks::StateMap filtered_state(modapi::Transaction& transaction, const std::string& room_id,
                                                 const callbacks::StateFilter& filter);
/// The state after everything up to `position`; with `newer_than`, only what was set after that.
[[nodiscard]] std::vector<StoredEvent> state_at(modapi::Transaction& transaction, const std::string& room_id,
                                                std::int64_t position, std::int64_t newer_than);
/// All events that set one part of the state, oldest first.
[[nodiscard]] std::vector<StoredEvent> state_history(modapi::Transaction& transaction, const std::string& room_id,
                                                     const std::string& type, const std::string& state_key);
/// What decides who sees which of a room's events: its m.room.history_visibility and the user's own m.room.member, in the
/// stream's order. One statement.
[[nodiscard]] std::vector<StoredEvent> visibility_history(modapi::Transaction& transaction, const std::string& room_id,
                                                          const std::string& user_id);
/// The last of them up to `position`.
[[nodiscard]] std::optional<StoredEvent> state_event_at(modapi::Transaction& transaction, const std::string& room_id,
                                                        const std::string& type, const std::string& state_key,
                                                        std::int64_t position);

/// What took the place of a state event in the state of its room; none: it stands still.
[[nodiscard]] std::optional<StoredEvent> next_state_event(modapi::Transaction& transaction, const StoredEvent& stored);

[[nodiscard]] std::optional<StoredEvent> find_event(modapi::Transaction& transaction, const std::string& room_id,
                                                    const std::string& event_id);
/// Likewise with the transaction's next statement.
[[nodiscard]] LaterEvents find_event_later(modapi::Transaction& transaction, const std::string& room_id,
                                           const std::string& event_id);
/// The event with that id, whatever its room.
[[nodiscard]] std::optional<StoredEvent> find_event_anywhere(modapi::Transaction& transaction, const std::string& event_id);
/// A stretch of a room's events.
struct EventStretch {
    std::string room_id;
    bool backwards = true;   ///< the latest ones, latest first; otherwise the earliest ones, earliest first
    std::int64_t after = 0;  ///< it begins behind this position
    std::int64_t until = 0;  ///< and ends with this one
    std::string only_for{};  ///< nobody's, unless this user has or had something to do with the room; empty: everybody's
};
/// At most `limit` events of it, which come with the transaction's next statement.
[[nodiscard]] LaterEvents events_of(modapi::Transaction& transaction, const EventStretch& stretch, std::int64_t limit);

/// `leave` for somebody who never was there.
[[nodiscard]] std::string membership_of(modapi::Transaction& transaction, const std::string& room_id,
                                        const std::string& user_id);
[[nodiscard]] std::vector<std::string> users_with_membership(modapi::Transaction& transaction, const std::string& room_id,
                                                             const std::string& membership);
[[nodiscard]] std::vector<std::string> rooms_with_membership(modapi::Transaction& transaction, const std::string& user_id,
                                                             const std::string& membership);

/// Everybody who is joined to a room that this user is joined to, without the user.
[[nodiscard]] std::vector<std::string> users_sharing_rooms(modapi::Transaction& transaction, const std::string& user_id);
/// Whether both are joined to one of the same rooms. Cost: at most by the number of rooms that `user_id` is joined to.
[[nodiscard]] bool share_a_room(modapi::Transaction& transaction, const std::string& user_id, const std::string& other);

/// Text of the tables back into JSON.
[[nodiscard]] callbacks::JsonDict stored_json(std::string_view text);

}  // namespace homeserver
