#include "events/room_store.h"

#include "events/canonical_json.h"
#include "events/event_format.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <set>
#include <type_traits>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using modapi::Transaction;

constexpr std::string_view event_columns =
    "SELECT e.event_id, e.stream_position, e.pdu, e.unsigned_fields, e.device_id, e.transaction_id FROM events e ";

/// Events of a room behind a position and up to another one. Compared in pairs, as they are ordered, since only the room's own
/// index has the pairs: where the room is given by itself, PostgreSQL may go through the positions of all rooms, of which it
/// expects the wanted ones to come soon.
constexpr std::string_view of_room_between =
    "WHERE (e.room_id, e.stream_position) > (?, ?) AND (e.room_id, e.stream_position) <= (?, ?) ";
constexpr std::string_view of_member =
    "AND EXISTS (SELECT 1 FROM room_memberships AS m WHERE m.room_id = ? AND m.user_id = ?) ";

template <class... Columns, class... Values>
modapi::LaterRows<Columns...> ask_for(std::type_identity<modapi::LaterRows<Columns...>>, Transaction& transaction,
                                      std::string_view sql, const Values&... values) {
    return transaction.query_later<Columns...>(sql, values...);
}
template <class... Columns>
modapi::LaterRows<Columns...> ask_for(std::type_identity<modapi::LaterRows<Columns...>>, Transaction& transaction,
                                      std::string_view sql, std::vector<modapi::SqlValue> values) {
    return transaction.query_with_later<Columns...>(sql, std::move(values));
}

template <class... Values>
LaterEvents select_events_later(Transaction& transaction, std::string_view where, const Values&... values) {
    std::string sql(event_columns);
    sql.append(where);
    return LaterEvents(ask_for(std::type_identity<LaterEventRows>(), transaction, sql, values...));
}

template <class... Values>
std::vector<StoredEvent> select_events(Transaction& transaction, std::string_view where, const Values&... values) {
    return select_events_later(transaction, where, values...).take();
}

std::vector<std::string> only_column(std::vector<std::tuple<std::string>> rows) {
    std::vector<std::string> column;
    column.reserve(rows.size());
    for (auto& [value] : rows) column.push_back(std::move(value));
    return column;
}

}  // namespace

StoredEvent stored_event(EventRow& row) {
    auto& [event_id, position, pdu, unsigned_fields, device_id, transaction_id] = row;
    std::shared_ptr<const KeptEvent> kept = kept_events().get(event_id, pdu, unsigned_fields);
    Event event = kept->event();
    return {std::move(event), position, std::move(device_id), std::move(transaction_id), std::move(kept)};
}

std::vector<StoredEvent> LaterEvents::take() {
    std::vector<StoredEvent> events;
    std::vector<EventRow> rows = rows_.take();
    events.reserve(rows.size());
    for (EventRow& row : rows) events.push_back(stored_event(row));
    return events;
}

std::optional<StoredEvent> LaterEvents::take_one() {
    std::vector<StoredEvent> events = take();
    if (events.empty()) return std::nullopt;
    return std::move(events.front());
}

JsonDict stored_json(std::string_view text) {
    boost::json::parse_options options;
    options.max_depth = 128;  // deeper than any request may be, with what is put around it
    return std::move(boost::json::parse(text, {}, options).as_object());
}

std::int64_t depth_after(const RoomHead& head) noexcept { return std::min(head.depth, max_integer - 1) + 1; }

std::optional<RoomHead> find_head(Transaction& transaction, const std::string& room_id) {
    return LaterHead(transaction, room_id).take();
}

LaterHead::LaterHead(Transaction& transaction, const std::string& room_id)
    : rows_(transaction.query_later<std::int64_t, std::int64_t, std::string>(
          "SELECT depth, state_version, extremities FROM rooms WHERE room_id = ?", room_id)) {}

std::optional<RoomHead> LaterHead::take() {
    const auto row = rows_.take_one();
    if (!row) return std::nullopt;
    const auto& [depth, state_version, extremities] = *row;
    RoomHead head;
    head.depth = depth;
    head.state_version = state_version;
    for (std::string_view rest = extremities; !rest.empty();) {
        const std::string_view event_id = rest.substr(0, rest.find(' '));
        head.extremities.emplace_back(event_id);
        rest.remove_prefix(std::min(event_id.size() + 1, rest.size()));
    }
    return head;
}

void store_head(Transaction& transaction, const std::string& room_id, const RoomHead& head) {
    std::string extremities;
    for (const std::string& event_id : head.extremities) extremities.append(extremities.empty() ? "" : " ").append(event_id);
    transaction.execute_later("UPDATE rooms SET depth = ?, state_version = ?, extremities = ? WHERE room_id = ?", head.depth,
                              head.state_version, extremities, room_id);
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
    std::optional<StoredEvent> found =
        select_events_later(
            transaction,
            "JOIN current_state s ON s.event_id = e.event_id WHERE s.room_id = ? AND s.type = ? AND s.state_key = ?", room_id,
            type, state_key)
            .take_one();
    if (!found) return std::nullopt;
    return std::move(found->event);
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

std::vector<StoredEvent> visibility_history(Transaction& transaction, const std::string& room_id, const std::string& user_id) {
    static const std::string both =
        "WHERE e.room_id = ? AND e.type = 'm.room.member' AND e.state_key = ? UNION ALL " + std::string(event_columns) +
        "WHERE e.room_id = ? AND e.type = 'm.room.history_visibility' AND e.state_key = '' ORDER BY 2";
    return select_events(transaction, both, room_id, user_id, room_id);
}

std::optional<StoredEvent> next_state_event(Transaction& transaction, const StoredEvent& stored) {
    return select_events_later(transaction,
                               "WHERE e.room_id = ? AND e.type = ? AND e.state_key = ? AND e.stream_position > ? ORDER BY "
                               "e.stream_position LIMIT 1",
                               stored.event.room_id(), stored.event.type(), *stored.event.state_key(), stored.position)
        .take_one();
}

std::optional<StoredEvent> state_event_at(Transaction& transaction, const std::string& room_id, const std::string& type,
                                          const std::string& state_key, std::int64_t position) {
    return select_events_later(transaction,
                               "WHERE e.room_id = ? AND e.type = ? AND e.state_key = ? AND e.stream_position <= ? ORDER BY "
                               "e.stream_position DESC "
                               "LIMIT 1",
                               room_id, type, state_key, position)
        .take_one();
}

std::optional<StoredEvent> find_event(Transaction& transaction, const std::string& room_id, const std::string& event_id) {
    return find_event_later(transaction, room_id, event_id).take_one();
}

LaterEvents find_event_later(Transaction& transaction, const std::string& room_id, const std::string& event_id) {
    return select_events_later(transaction, "WHERE e.room_id = ? AND e.event_id = ?", room_id, event_id);
}

std::optional<StoredEvent> find_event_anywhere(Transaction& transaction, const std::string& event_id) {
    return select_events_later(transaction, "WHERE e.event_id = ?", event_id).take_one();
}

LaterEvents events_of(Transaction& transaction, const EventStretch& stretch, std::int64_t limit) {
    constexpr std::string_view latest_first = "ORDER BY e.room_id DESC, e.stream_position DESC LIMIT ?";
    constexpr std::string_view earliest_first = "ORDER BY e.room_id, e.stream_position LIMIT ?";
    const std::string& room_id = stretch.room_id;
    std::string sql(event_columns);
    sql.append(of_room_between);
    std::vector<modapi::SqlValue> values = {room_id, stretch.after, room_id, stretch.until};
    if (!stretch.only_for.empty()) {
        sql.append(of_member);
        values.insert(values.end(), {room_id, stretch.only_for});
    }
    sql.append(stretch.backwards ? latest_first : earliest_first);
    values.emplace_back(limit);
    return LaterEvents(ask_for(std::type_identity<LaterEventRows>(), transaction, sql, std::move(values)));
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

}  // namespace homeserver
