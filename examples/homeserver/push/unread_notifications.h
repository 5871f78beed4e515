#pragma once

#include "push/receipt.h"

#include <modapi/database.h>

#include <callbacks/event.h>

#include <cstdint>
#include <optional>
#include <string>

/// What users were notified of and haven't read: one row for each event and user. Every function is for use inside a
/// transaction.
namespace homeserver {

struct UnreadCounts {
    std::int64_t notifications = 0;
    std::int64_t highlights = 0;  ///< of them
};

/// Asks the push rules of all local members, and of whom it invites, about an event that was just stored, in a room whose state
/// is `state` with it. Its sender has read what came before it, in its thread; who joins or leaves, all of the room.
///
/// Cost: one query where nobody else is in the room; else by the number of local members.
void note_notifications(modapi::Transaction& transaction, const callbacks::Event& event, std::int64_t position,
                        const callbacks::StateMap& state);

/// A receipt came: its user has read what is not behind `event_position`, of its thread or of all.
void forget_read_notifications(modapi::Transaction& transaction, const Receipt& receipt, std::int64_t event_position);
/// The event was redacted: nobody is notified of it any more.
void forget_notifications_of_event(modapi::Transaction& transaction, const std::string& room_id, const std::string& event_id);

[[nodiscard]] UnreadCounts unread_counts(modapi::Transaction& transaction, const std::string& user_id,
                                         const std::string& room_id);
/// The number of rooms in which the user has something unread.
[[nodiscard]] std::int64_t rooms_with_unread(modapi::Transaction& transaction, const std::string& user_id);

}  // namespace homeserver
