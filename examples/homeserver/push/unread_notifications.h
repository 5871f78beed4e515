#pragma once

#include "push/notified_members.h"
#include "push/receipt.h"

#include <modapi/database.h>

#include <callbacks/event.h>

#include <cstdint>
#include <optional>
#include <string>

/// What users were notified of and haven't read. Every function is for use inside a transaction.
///
/// What the default rules say to everybody in a room is one row for each event (notifying_events), however many are there. Each
/// user has read up to somewhere in a room or one of its threads (read_up_to); what came later and isn't in that row alone,
/// since the event names the user or the user's rules are others, is a row for the user (unread_notifications), which goes when
/// it is read. What is unread is computed when somebody asks: a look at the rows behind where the user has read.
namespace homeserver {

struct UnreadCounts {
    std::int64_t notifications = 0;
    std::int64_t highlights = 0;  ///< of them
};

/// Asks the push rules of all local members, and of whom it invites, about an event that was just stored, in a room whose state
/// is `state` with it. Its sender has read what came before it, in its thread; who joins or leaves, all of the room. `members`:
/// of that state; null: they are looked up in it.
///
/// Cost: with `members` a number of queries that doesn't grow with the room, but for a row for each user whose rules say
/// something else than the default ones; else also by the number of members.
void note_notifications(modapi::Transaction& transaction, const callbacks::Event& event, std::int64_t position,
                        const callbacks::StateMap& state, NotifiedMembers* members = nullptr);

/// A receipt came: its user has read what is not behind `event_position`, of its thread or of all.
void forget_read_notifications(modapi::Transaction& transaction, const Receipt& receipt, std::int64_t event_position);
/// The event was redacted: nobody is notified of it any more.
void forget_notifications_of_event(modapi::Transaction& transaction, const std::string& room_id, const std::string& event_id);

/// What a user hasn't read of a room, asked for with the transaction's next statement.
class LaterUnreadCounts {
public:
    LaterUnreadCounts(modapi::Transaction& transaction, const std::string& user_id, const std::string& room_id);
    /// Once.
    [[nodiscard]] UnreadCounts take();

private:
    modapi::LaterRows<std::int64_t, std::int64_t> rows_;
};
/// Something that a user was notified of.
struct UnreadNotification {
    std::string room_id;
    std::string event_id;
    std::int64_t position = 0;
    callbacks::JsonDict tweaks;
};
/// The first behind that position of the stream. Cost: by the number of rooms that the user is in.
[[nodiscard]] std::optional<UnreadNotification> next_unread(modapi::Transaction& transaction, const std::string& user_id,
                                                            std::int64_t after);
[[nodiscard]] bool has_unread(modapi::Transaction& transaction, const std::string& user_id, std::int64_t after);
/// The number of rooms in which the user has something unread.
[[nodiscard]] std::int64_t rooms_with_unread(modapi::Transaction& transaction, const std::string& user_id);

}  // namespace homeserver
