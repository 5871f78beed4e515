#include "events/room_store.h"

#include "events/canonical_json.h"
#include "events/event_format.h"
#include "events/power_levels.h"
#include "events/stream.h"
#include "push/unread_notifications.h"
#include "rooms/rooms.h"

#include <callbacks/identifiers.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <set>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using modapi::Transaction;

using EventRow =
    std::tuple<std::string, std::int64_t, std::string, std::string, std::optional<std::string>, std::optional<std::string>>;
constexpr std::string_view event_columns =
    "SELECT e.event_id, e.stream_position, e.pdu, e.unsigned_fields, e.device_id, e.transaction_id FROM events e ";

StoredEvent stored_event(EventRow& row) {
    auto& [event_id, position, pdu, unsigned_fields, device_id, transaction_id] = row;
    Event event = event_from_pdu(stored_json(pdu), std::move(event_id), stored_json(unsigned_fields));
    return {std::move(event), position, std::move(device_id), std::move(transaction_id)};
}

template <class... Values>
std::vector<StoredEvent> select_events(Transaction& transaction, std::string_view where, const Values&... values) {
    auto rows = transaction.query<std::string, std::int64_t, std::string, std::string, std::optional<std::string>,
                                  std::optional<std::string>>(std::string(event_columns) + std::string(where), values...);
    std::vector<StoredEvent> events;
    events.reserve(rows.size());
    for (EventRow& row : rows) events.push_back(stored_event(row));
    return events;
}

std::vector<std::string> only_column(std::vector<std::tuple<std::string>> rows) {
    std::vector<std::string> column;
    column.reserve(rows.size());
    for (auto& [value] : rows) column.push_back(std::move(value));
    return column;
}

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
    transaction.execute(
        "INSERT INTO current_state (room_id, type, state_key, event_id) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (room_id, type, state_key) DO UPDATE SET event_id = excluded.event_id",
        event.room_id(), event.type(), *event.state_key(), *event.event_id());
    const std::optional<std::string_view> membership = event.membership();
    if (!membership) return;
    transaction.execute(
        "INSERT INTO room_memberships (room_id, user_id, membership, stream_position, forgotten) VALUES (?, ?, ?, ?, 0) "
        "ON CONFLICT (room_id, user_id) DO UPDATE SET membership = excluded.membership, "
        "stream_position = excluded.stream_position, forgotten = 0",
        event.room_id(), *event.state_key(), *membership, position);
}

void move_extremities(Transaction& transaction, const Event& event) {
    for (const callbacks::JsonValue& followed : event.other().at("prev_events").as_array()) {
        transaction.execute("DELETE FROM forward_extremities WHERE room_id = ? AND event_id = ?", event.room_id(),
                            std::string_view(followed.as_string()));
    }
    transaction.execute("INSERT INTO forward_extremities (room_id, event_id) VALUES (?, ?)", event.room_id(),
                        *event.event_id());
    transaction.execute(
        "UPDATE rooms SET depth = CASE WHEN depth < ? THEN ? ELSE depth END, state_version = state_version + ? "
        "WHERE room_id = ?",
        event.other().at("depth").as_int64(), event.other().at("depth").as_int64(), event.is_state() ? 1 : 0, event.room_id());
}

/// Everybody on the sender's server may take back what it sent (it has asked who); more takes the power level. The rules let a
/// redaction into the room without it, and without an effect.
bool takes_effect(Transaction& transaction, const Event& redaction, const Event& target) {
    if (callbacks::domain_of(redaction.sender()) == callbacks::domain_of(target.sender())) return true;
    const callbacks::StateMap state = current_state(transaction, redaction.room_id());
    const PowerLevels levels(state);
    return levels.of_user(redaction.sender()) >= levels.for_action("redact");
}

/// The event that took a redacted one's place in the state shows no more of it than is left.
void redact_in_successor(Transaction& transaction, const StoredEvent& target, const JsonDict& left) {
    if (!target.event.is_state()) return;
    std::vector<StoredEvent> later = select_events(
        transaction,
        "WHERE e.room_id = ? AND e.type = ? AND e.state_key = ? AND e.stream_position > ? ORDER BY e.stream_position LIMIT 1",
        target.event.room_id(), target.event.type(), *target.event.state_key(), target.position);
    if (later.empty()) return;
    JsonDict unsigned_fields = later.front().event.unsigned_fields();
    const callbacks::JsonValue* const replaced = unsigned_fields.if_contains("replaces_state");
    if (replaced == nullptr || *replaced != callbacks::JsonValue(*target.event.event_id())) return;
    unsigned_fields["prev_content"] = left.at("content");
    transaction.execute("UPDATE events SET unsigned_fields = ? WHERE event_id = ?", boost::json::serialize(unsigned_fields),
                        *later.front().event.event_id());
}

/// Takes what a redacted event loses out of the database, and notes why beside it.
void redact(Transaction& transaction, const Event& redaction) {
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
    forget_notifications_of_event(transaction, redaction.room_id(), *target->event.event_id());
}

}  // namespace

JsonDict stored_json(std::string_view text) {
    boost::json::parse_options options;
    options.max_depth = 128;  // deeper than any request may be, with what is put around it
    return std::move(boost::json::parse(text, {}, options).as_object());
}

std::int64_t depth_after(const RoomHead& head) noexcept { return std::min(head.depth, largest_integer - 1) + 1; }

std::optional<RoomHead> find_head(Transaction& transaction, const std::string& room_id) {
    const auto row =
        transaction.query_one<std::int64_t, std::int64_t>("SELECT depth, state_version FROM rooms WHERE room_id = ?", room_id);
    if (!row) return std::nullopt;
    RoomHead head;
    std::tie(head.depth, head.state_version) = *row;
    // An event names at most twenty that it follows.
    head.extremities = only_column(transaction.query<std::string>(
        "SELECT f.event_id FROM forward_extremities f JOIN events e ON e.event_id = f.event_id WHERE f.room_id = ? "
        "ORDER BY e.stream_position DESC LIMIT 20",
        room_id));
    return head;
}

void insert_room(Transaction& transaction, const std::string& room_id, const std::string& creator, bool is_public) {
    transaction.execute("INSERT INTO rooms (room_id, creator, is_public, depth, state_version) VALUES (?, ?, ?, 0, 0)", room_id,
                        creator, is_public);
}

callbacks::StateMap current_state(Transaction& transaction, const std::string& room_id) {
    callbacks::StateMap state;
    for (StoredEvent& stored :
         select_events(transaction, "JOIN current_state s ON s.event_id = e.event_id WHERE s.room_id = ?", room_id)) {
        state.set(std::move(stored.event));
    }
    return state;
}

std::optional<Event> current_state_event(Transaction& transaction, const std::string& room_id, const std::string& type,
                                         const std::string& state_key) {
    std::vector<StoredEvent> found = select_events(
        transaction, "JOIN current_state s ON s.event_id = e.event_id WHERE s.room_id = ? AND s.type = ? AND s.state_key = ?",
        room_id, type, state_key);
    if (found.empty()) return std::nullopt;
    return std::move(found.front().event);
}

callbacks::StateMap state_without_keys(Transaction& transaction, const std::string& room_id) {
    callbacks::StateMap state;
    for (StoredEvent& stored :
         select_events(transaction, "JOIN current_state s ON s.event_id = e.event_id WHERE s.room_id = ? AND s.state_key = ''",
                       room_id)) {
        state.set(std::move(stored.event));
    }
    return state;
}

callbacks::StateMap filtered_state(Transaction& transaction, const std::string& room_id, const callbacks::StateFilter& filter) {
    callbacks::StateMap state;
    for (const callbacks::StateFilterEntry& wanted : filter) {
        for (StoredEvent& stored :
             select_events(transaction,
                           "JOIN current_state s ON s.event_id = e.event_id WHERE s.room_id = ? AND s.type = ? AND (? = 1 OR "
                           "s.state_key = ?)",
                           room_id, wanted.type, !wanted.state_key.has_value(), wanted.state_key.value_or(std::string()))) {
            state.set(std::move(stored.event));
        }
    }
    return state;
}

std::vector<StoredEvent> state_at(Transaction& transaction, const std::string& room_id, std::int64_t position,
                                  std::int64_t newer_than) {
    return select_events(
        transaction,
        "JOIN (SELECT MAX(stream_position) AS position FROM events WHERE room_id = ? AND state_key IS NOT NULL "
        "AND stream_position <= ? AND stream_position > ? GROUP BY type, state_key) latest "
        "ON latest.position = e.stream_position ORDER BY e.stream_position",
        room_id, position, newer_than);
}

std::vector<StoredEvent> state_history(Transaction& transaction, const std::string& room_id, const std::string& type,
                                       const std::string& state_key) {
    return select_events(transaction, "WHERE e.room_id = ? AND e.type = ? AND e.state_key = ? ORDER BY e.stream_position",
                         room_id, type, state_key);
}

std::optional<StoredEvent> state_event_at(Transaction& transaction, const std::string& room_id, const std::string& type,
                                          const std::string& state_key, std::int64_t position) {
    std::vector<StoredEvent> found = select_events(
        transaction,
        "WHERE e.room_id = ? AND e.type = ? AND e.state_key = ? AND e.stream_position <= ? ORDER BY e.stream_position DESC "
        "LIMIT 1",
        room_id, type, state_key, position);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

std::optional<StoredEvent> find_event(Transaction& transaction, const std::string& room_id, const std::string& event_id) {
    std::vector<StoredEvent> found = select_events(transaction, "WHERE e.room_id = ? AND e.event_id = ?", room_id, event_id);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

std::optional<StoredEvent> find_event_anywhere(Transaction& transaction, const std::string& event_id) {
    std::vector<StoredEvent> found = select_events(transaction, "WHERE e.event_id = ?", event_id);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

std::vector<StoredEvent> latest_events(Transaction& transaction, const std::string& room_id, std::int64_t after,
                                       std::int64_t until, std::int64_t limit) {
    std::vector<StoredEvent> events = select_events(
        transaction,
        "WHERE e.room_id = ? AND e.stream_position > ? AND e.stream_position <= ? ORDER BY e.stream_position DESC LIMIT ?",
        room_id, after, until, limit);
    std::reverse(events.begin(), events.end());
    return events;
}

std::vector<StoredEvent> earliest_events(Transaction& transaction, const std::string& room_id, std::int64_t after,
                                         std::int64_t until, std::int64_t limit) {
    return select_events(
        transaction,
        "WHERE e.room_id = ? AND e.stream_position > ? AND e.stream_position <= ? ORDER BY e.stream_position LIMIT ?", room_id,
        after, until, limit);
}

std::string membership_of(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    auto row = transaction.query_one<std::string>("SELECT membership FROM room_memberships WHERE room_id = ? AND user_id = ?",
                                                  room_id, user_id);
    return row ? std::move(std::get<0>(*row)) : "leave";
}

std::vector<std::string> users_with_membership(Transaction& transaction, const std::string& room_id,
                                               const std::string& membership) {
    return only_column(transaction.query<std::string>(
        "SELECT user_id FROM room_memberships WHERE room_id = ? AND membership = ? ORDER BY user_id", room_id, membership));
}

std::vector<std::string> rooms_with_membership(Transaction& transaction, const std::string& user_id,
                                               const std::string& membership) {
    return only_column(transaction.query<std::string>(
        "SELECT room_id FROM room_memberships WHERE user_id = ? AND membership = ? ORDER BY room_id", user_id, membership));
}

bool room_is_public(Transaction& transaction, const std::string& room_id) {
    const auto row = transaction.query_one<bool>("SELECT is_public FROM rooms WHERE room_id = ?", room_id);
    return row && std::get<0>(*row);
}

std::vector<std::string> users_sharing_rooms(Transaction& transaction, const std::string& user_id) {
    return only_column(transaction.query<std::string>(
        "SELECT DISTINCT other.user_id FROM room_memberships own JOIN room_memberships other ON other.room_id = own.room_id "
        "WHERE own.user_id = ? AND own.membership = 'join' AND other.membership = 'join' AND other.user_id <> ?",
        user_id, user_id));
}

bool share_a_room(Transaction& transaction, const std::string& user_id, const std::string& other) {
    return transaction
        .query_one<std::int64_t>(
            "SELECT 1 FROM room_memberships own CROSS JOIN room_memberships other WHERE own.user_id = ? AND "
            "own.membership = 'join' AND other.room_id = own.room_id AND other.user_id = ? AND other.membership = 'join' "
            "LIMIT 1",
            user_id, other)
        .has_value();
}

std::optional<std::string> event_of_transaction(Transaction& transaction, const std::string& room_id,
                                                const SentTransaction& sent) {
    auto row = transaction.query_one<std::string>(
        "SELECT event_id FROM sent_transactions WHERE user_id = ? AND device_id = ? AND room_id = ? AND transaction_id = ?",
        sent.user_id, sent.device_id, room_id, key_of(sent));
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

std::int64_t append_event(Transaction& transaction, const Event& event, const std::optional<SentTransaction>& sent) {
    const std::int64_t position = next_stream_position(transaction);
    std::optional<std::string> device_id;
    std::optional<std::string> transaction_id;
    if (sent) {
        device_id = sent->device_id;
        transaction_id = sent->transaction_id;
        transaction.execute(
            "INSERT INTO sent_transactions (user_id, device_id, room_id, transaction_id, event_id) VALUES (?, ?, ?, ?, ?)",
            sent->user_id, sent->device_id, event.room_id(), key_of(*sent), *event.event_id());
    }
    transaction.execute(
        "INSERT INTO events (event_id, room_id, stream_position, type, state_key, sender, pdu, unsigned_fields, device_id, "
        "transaction_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *event.event_id(), event.room_id(), position, event.type(), event.state_key(), event.sender(),
        boost::json::serialize(pdu_from_event(event)), boost::json::serialize(unsigned_of(transaction, event)), device_id,
        transaction_id);
    if (event.is_state()) set_state(transaction, event, position);
    move_extremities(transaction, event);
    if (event.type() == "m.room.redaction" && event.redacts()) redact(transaction, event);
    note_notifications(transaction, event, position);
    return position;
}

}  // namespace homeserver
