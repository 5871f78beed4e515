#include "rooms/appended_event.h"

#include "events/event_format.h"
#include "events/power_levels.h"
#include "events/room_store.h"
#include "events/stream.h"
#include "push/unread_notifications.h"
#include "rooms/event_building.h"
#include "rooms/room_turns.h"

#include <callbacks/identifiers.h>
#include <boost/json/serialize.hpp>

#include <utility>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using modapi::Transaction;

/// What a transaction is told apart by within its device and room.
std::string key_of(const SentTransaction& sent) { return std::string(sent.endpoint) + "/" + sent.transaction_id; }

/// What the event that is replaced leaves in `unsigned` of a state event.
JsonDict unsigned_of(Transaction& transaction, const Event& event) {
    JsonDict fields = event.unsigned_fields();
    if (!event.is_state()) return fields;
    const std::optional<Event> before = current_state_event(transaction, event.room_id(), event.type(), *event.state_key());
    if (!before) return fields;
    fields["prev_content"] = before->content();
    fields["prev_sender"] = before->sender();
    fields["replaces_state"] = before->event_id().value();
    return fields;
}

void set_state(Transaction& transaction, const Event& event, std::int64_t position) {
    transaction.execute_later(
        "INSERT INTO current_state (room_id, type, state_key, event_id) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (room_id, type, state_key) DO UPDATE SET event_id = excluded.event_id",
        event.room_id(), event.type(), *event.state_key(), *event.event_id());
    const std::optional<std::string_view> membership = event.membership();
    if (!membership) return;
    transaction.execute_later(
        "INSERT INTO room_memberships (room_id, user_id, membership, stream_position, forgotten) VALUES (?, ?, ?, ?, 0) "
        "ON CONFLICT (room_id, user_id) DO UPDATE SET membership = excluded.membership, "
        "stream_position = excluded.stream_position, forgotten = 0",
        event.room_id(), *event.state_key(), *membership, position);
}

/// Everybody on the sender's server may take back what it sent (it has asked who); more takes the power level. The rules let a
/// redaction into the room without it, and without an effect.
bool takes_effect(Transaction& transaction, const Event& redaction, const Event& target) {
    if (callbacks::domain_of(redaction.sender()) == callbacks::domain_of(target.sender())) return true;
    const callbacks::StateMap state = current_state(transaction, redaction.room_id());
    const PowerLevels levels(state);
    return levels.of_user(redaction.sender()) >= levels.to_redact();
}

/// The event that took a redacted one's place in the state shows no more of it than is left.
void redact_in_successor(Transaction& transaction, const StoredEvent& target, const JsonDict& left) {
    if (!target.event.is_state()) return;
    const std::optional<StoredEvent> later = next_state_event(transaction, target);
    if (!later) return;
    JsonDict unsigned_fields = later->event.unsigned_fields();
    const callbacks::JsonValue* const replaced = unsigned_fields.if_contains("replaces_state");
    if (replaced == nullptr || *replaced != callbacks::JsonValue(*target.event.event_id())) return;
    unsigned_fields["prev_content"] = left.at("content");
    transaction.execute("UPDATE events SET unsigned_fields = ? WHERE event_id = ?", boost::json::serialize(unsigned_fields),
                        *later->event.event_id());
}

/// Takes what a redacted event loses out of the database, and notes why beside it.
void redact(Transaction& transaction, const Event& redaction, RoomHead& head) {
    const std::optional<StoredEvent> target = find_event(transaction, redaction.room_id(), *redaction.redacts());
    if (!target || target->event.type() == "m.room.create") return;
    if (!takes_effect(transaction, redaction, target->event)) return;
    JsonDict because = pdu_from_event(redaction);
    for (const char* between_servers : {"auth_events", "prev_events", "hashes", "signatures", "depth"})
        because.erase(between_servers);
    because["event_id"] = *redaction.event_id();
    because.at("content").get_object()["redacts"] = *redaction.redacts();  // where clients look for it too
    JsonDict unsigned_fields;
    unsigned_fields["redacted_by"] = *redaction.event_id();
    unsigned_fields["redacted_because"] = std::move(because);
    const JsonDict left = redacted(pdu_from_event(target->event));
    transaction.execute("UPDATE events SET pdu = ?, unsigned_fields = ? WHERE event_id = ?", boost::json::serialize(left),
                        boost::json::serialize(unsigned_fields), *target->event.event_id());
    redact_in_successor(transaction, *target, left);
    // The state has other content now, though the same events.
    if (target->event.is_state()) ++head.state_version;
    forget_notifications_of_event(transaction, redaction.room_id(), *target->event.event_id());
}

}  // namespace

void insert_room(Transaction& transaction, const std::string& room_id, const std::string& creator, bool is_public) {
    // A room that was purged and is joined again goes on with versions that it never had: each state event took a position of
    // the stream, and so did the purge.
    transaction.execute(
        "INSERT INTO rooms (room_id, creator, is_public, depth, state_version, extremities) "
        "VALUES (?, ?, ?, 0, (SELECT position FROM stream_position), '')",
        room_id, creator, is_public);
}

void delete_room(Transaction& transaction, const std::string& room_id) {
    // A room of that name that is made again begins behind it: its state has no version that this one's had.
    static_cast<void>(next_stream_position(transaction));
    for (const char* table : {"events", "soft_failed_events", "current_state", "room_memberships", "sent_transactions",
                              "third_party_invites", "room_aliases", "receipts", "unread_notifications", "notifying_events",
                              "read_up_to", "account_data", "room_stats", "rooms"}) {
        transaction.execute(std::string("DELETE FROM ") + table + " WHERE room_id = ?", room_id);
    }
    transaction.execute("DELETE FROM turns WHERE what = ?", turn_at_events_of(room_id));
}

std::optional<std::string> event_of_transaction(Transaction& transaction, const std::string& room_id,
                                                const SentTransaction& sent) {
    return LaterEventOfTransaction(transaction, room_id, sent).take();
}

LaterEventOfTransaction::LaterEventOfTransaction(Transaction& transaction, const std::string& room_id,
                                                 const SentTransaction& sent)
    : rows_(transaction.query_later<std::string>(
          "SELECT event_id FROM sent_transactions WHERE user_id = ? AND device_id = ? AND room_id = ? AND transaction_id = ?",
          sent.user_id, sent.device_id, room_id, key_of(sent))) {}

std::optional<std::string> LaterEventOfTransaction::take() {
    auto row = rows_.take_one();
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

void append_event(Transaction& transaction, const Event& event, std::int64_t position,
                  const std::optional<SentTransaction>& sent, RoomHead& head, const callbacks::StateMap& state,
                  NotifiedMembers* members) {
    std::optional<std::string> device_id;
    std::optional<std::string> transaction_id;
    if (sent) {
        device_id = sent->device_id;
        transaction_id = sent->transaction_id;
        transaction.execute_later(
            "INSERT INTO sent_transactions (user_id, device_id, room_id, transaction_id, event_id) VALUES (?, ?, ?, ?, ?)",
            sent->user_id, sent->device_id, event.room_id(), key_of(*sent), *event.event_id());
    }
    transaction.execute_later(
        "INSERT INTO events (event_id, room_id, stream_position, type, state_key, sender, pdu, unsigned_fields, device_id, "
        "transaction_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *event.event_id(), event.room_id(), position, event.type(), event.state_key(), event.sender(), pdu_text(event),
        boost::json::serialize(unsigned_of(transaction, event)), device_id, transaction_id);
    if (event.is_state()) set_state(transaction, event, position);
    follow(head, event);
    if (event.is_state()) ++head.state_version;
    if (event.type() == "m.room.redaction" && event.redacts()) redact(transaction, event, head);
    store_head(transaction, event.room_id(), head);
    note_notifications(transaction, event, position, state, members);
}

}  // namespace homeserver
