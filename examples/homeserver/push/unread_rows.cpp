#include "push/unread_rows.h"

#include "events/room_store.h"
#include "events/stream.h"
#include "push/unread_notifications.h"

#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using modapi::SqlValue;
using modapi::Transaction;

/// A row for the user alone says what they are told of an event instead of what everybody is.
constexpr std::string_view has_own_row =
    "EXISTS (SELECT 1 FROM unread_notifications u WHERE u.stream_position = n.stream_position AND u.user_id = {user})";

/// What everybody in a room was notified of and the user hasn't read. The bound is a value of its own, so that the rows behind
/// it are found by the primary key (room_id, in_thread, stream_position).
constexpr std::string_view outside_threads =
    "FROM notifying_events n WHERE n.room_id = {room} AND n.in_thread = 0 AND n.stream_position > (SELECT MAX(b.position) FROM "
    "(SELECT r.stream_position AS position FROM read_up_to r WHERE r.room_id = {room} AND r.user_id = {user} AND r.thread_id "
    "IN ('', "
    "'main') UNION ALL SELECT CAST({behind} AS BIGINT)) b) AND NOT {has own row}";
constexpr std::string_view in_threads =
    "FROM notifying_events n WHERE n.room_id = {room} AND n.in_thread = 1 AND n.stream_position > (SELECT MAX(b.position) FROM "
    "(SELECT r.stream_position AS position FROM read_up_to r WHERE r.room_id = {room} AND r.user_id = {user} AND r.thread_id = "
    "'' "
    "UNION ALL SELECT CAST({behind} AS BIGINT)) b) AND NOT EXISTS (SELECT 1 FROM read_up_to t WHERE t.room_id = {room} AND "
    "t.user_id = {user} AND t.thread_id = n.thread_id AND t.stream_position >= n.stream_position) AND NOT {has own row}";
constexpr std::string_view is_joined =
    "EXISTS (SELECT 1 FROM room_memberships j WHERE j.room_id = {room} AND j.user_id = {user} AND j.membership = 'join')";
/// Of each room only the first row is read.
constexpr std::string_view first_outside_threads =
    "(SELECT n.stream_position {outside threads} ORDER BY n.stream_position LIMIT 1)";
constexpr std::string_view first_in_threads = "(SELECT n.stream_position {in threads} ORDER BY n.stream_position LIMIT 1)";

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

/// What of a user is asked.
struct Question {
    const std::string& user_id;
    const std::string& room_id;  ///< unless it is about all rooms
    std::int64_t behind = 0;
};

/// A statement with `{user}`, `{room}` and `{behind}` in it, in any order and as often as it needs them.
class UnreadQuery {
public:
    explicit UnreadQuery(std::string text) : sql_(std::move(text)) {
        replace_all(sql_, "{first outside threads}", first_outside_threads);
        replace_all(sql_, "{first in threads}", first_in_threads);
        replace_all(sql_, "{outside threads}", outside_threads);
        replace_all(sql_, "{in threads}", in_threads);
        replace_all(sql_, "{has own row}", has_own_row);
        replace_all(sql_, "{is joined}", is_joined);
    }
    /// In the rooms that the user is joined to, `m`: their own columns take the values' places.
    [[nodiscard]] UnreadQuery of_all_rooms() && {
        replace_all(sql_, "{user}", "m.user_id");
        replace_all(sql_, "{room}", "m.room_id");
        replace_all(sql_, "{joined rooms}", "FROM room_memberships m WHERE m.user_id = {user} AND m.membership = 'join'");
        replace_all(sql_, "{of user}", "{user}");
        return std::move(*this).with_values();
    }
    [[nodiscard]] UnreadQuery with_values() && {
        for (std::size_t at = sql_.find('{'); at != sql_.npos; at = sql_.find('{', at)) {
            order_.push_back(sql_[at + 1]);
            sql_.replace(at, sql_.find('}', at) + 1 - at, "?");
        }
        return std::move(*this);
    }

    template <class... Columns>
    [[nodiscard]] std::tuple<Columns...> ask(Transaction& transaction, const Question& question) const {
        return ask_later<Columns...>(transaction, question).take_one().value();
    }
    template <class... Columns>
    [[nodiscard]] modapi::LaterRows<Columns...> ask_later(Transaction& transaction, const Question& question) const {
        std::vector<SqlValue> values;
        values.reserve(order_.size());
        for (const char value : order_) {
            if (value == 'u') values.emplace_back(question.user_id);
            if (value == 'r') values.emplace_back(question.room_id);
            if (value == 'b') values.emplace_back(question.behind);
        }
        return transaction.query_with_later<Columns...>(sql_, std::move(values));
    }

private:
    std::string sql_;
    std::string order_;  // of the values, by their first letters
};

/// The position of the first that is unread behind another.
std::optional<std::int64_t> first_unread(Transaction& transaction, const std::string& user_id, std::int64_t after) {
    static const UnreadQuery query =
        UnreadQuery(
            "SELECT MIN(f.position) FROM (SELECT {first outside threads} AS position {joined rooms} UNION ALL SELECT {first in "
            "threads} {joined rooms} UNION ALL SELECT MIN(stream_position) FROM unread_notifications WHERE user_id = {of user} "
            "AND "
            "notifies = 1 AND stream_position > {behind}) f")
            .of_all_rooms();
    return std::get<0>(query.ask<std::optional<std::int64_t>>(transaction, {user_id, user_id, after}));
}

std::string tweaks_at(Transaction& transaction, const std::string& user_id, const std::string& room_id, std::int64_t position) {
    auto own = transaction.query_one<std::string>(
        "SELECT tweaks FROM unread_notifications WHERE stream_position = ? AND user_id = ?", position, user_id);
    if (own) return std::move(std::get<0>(*own));
    auto of_everybody = transaction.query_one<std::string>(
        "SELECT tweaks FROM notifying_events WHERE room_id = ? AND in_thread IN (0, 1) AND stream_position = ?", room_id,
        position);
    return std::move(std::get<0>(of_everybody.value()));
}

}  // namespace

void mark_read(Transaction& transaction, const std::string& user_id, const std::string& room_id, const std::string& thread_id,
               std::int64_t position) {
    transaction.execute_later(
        "INSERT INTO read_up_to (room_id, user_id, thread_id, stream_position) SELECT CAST(? AS TEXT), u.user_id, CAST(? AS "
        "TEXT), "
        "CAST(? AS BIGINT) FROM users u WHERE u.user_id = ? ON CONFLICT (room_id, user_id, thread_id) DO UPDATE SET "
        "stream_position = excluded.stream_position WHERE read_up_to.stream_position < excluded.stream_position",
        room_id, thread_id, position, user_id);
}

void mark_room_read(Transaction& transaction, const std::string& user_id, const std::string& room_id, std::int64_t position) {
    transaction.execute_later("DELETE FROM unread_notifications WHERE user_id = ? AND room_id = ?", user_id, room_id);
    transaction.execute_later("DELETE FROM read_up_to WHERE room_id = ? AND user_id = ?", room_id, user_id);
    mark_read(transaction, user_id, room_id, every_thread, position);
}

void raise_mark(Transaction& transaction, const std::string& user_id, const std::string& room_id) {
    static const UnreadQuery query =
        UnreadQuery(
            "SELECT MIN(f.position) FROM (SELECT {first outside threads} AS position UNION ALL SELECT {first in threads}) f")
            .with_values();
    const auto first = std::get<0>(query.ask<std::optional<std::int64_t>>(transaction, {user_id, room_id}));
    const std::int64_t position = first ? *first - 1 : current_stream_position(transaction);
    mark_read(transaction, user_id, room_id, every_thread, position);
    transaction.execute_later(
        "DELETE FROM read_up_to WHERE room_id = ? AND user_id = ? AND thread_id <> '' AND stream_position <= ?", room_id,
        user_id, position);
    // They kept the user from counting what everybody was told.
    transaction.execute_later(
        "DELETE FROM unread_notifications WHERE user_id = ? AND room_id = ? AND notifies = 0 AND stream_position <= ?", user_id,
        room_id, position);
}

namespace {

modapi::LaterRows<std::int64_t, std::int64_t> ask_unread(Transaction& transaction, const std::string& user_id,
                                                         const std::string& room_id) {
    constexpr const char* counted =
        "SELECT COUNT(*), COALESCE(SUM(c.highlight), 0) FROM (SELECT n.highlight {outside threads} AND {is joined} UNION ALL "
        "SELECT n.highlight {in threads} AND {is joined} UNION ALL SELECT o.highlight FROM unread_notifications o WHERE "
        "o.user_id = {user} AND o.room_id = {room} AND o.notifies = 1) c";
    static const UnreadQuery query = UnreadQuery(counted).with_values();
    return query.ask_later<std::int64_t, std::int64_t>(transaction, {user_id, room_id});
}

}  // namespace

LaterUnreadCounts::LaterUnreadCounts(Transaction& transaction, const std::string& user_id, const std::string& room_id)
    : rows_(ask_unread(transaction, user_id, room_id)) {}

UnreadCounts LaterUnreadCounts::take() {
    const auto [notifications, highlights] = rows_.take_one().value();
    return {notifications, highlights};
}

std::int64_t rooms_with_unread(Transaction& transaction, const std::string& user_id) {
    static const UnreadQuery query =
        UnreadQuery(
            "SELECT COUNT(*) FROM (SELECT m.room_id {joined rooms} AND COALESCE({first outside threads}, {first in threads}) "
            "IS NOT "
            "NULL UNION SELECT o.room_id FROM unread_notifications o WHERE o.user_id = {of user} AND o.notifies = 1) c")
            .of_all_rooms();
    return std::get<0>(query.ask<std::int64_t>(transaction, {user_id, user_id}));
}

bool has_unread(Transaction& transaction, const std::string& user_id, std::int64_t after) {
    return first_unread(transaction, user_id, after).has_value();
}

std::optional<UnreadNotification> next_unread(Transaction& transaction, const std::string& user_id, std::int64_t after) {
    const std::optional<std::int64_t> position = first_unread(transaction, user_id, after);
    if (!position) return std::nullopt;
    UnreadNotification next;
    next.position = *position;
    auto event = transaction.query_one<std::string, std::string>(
        "SELECT room_id, event_id FROM events WHERE stream_position = ?", *position);
    std::tie(next.room_id, next.event_id) = std::move(event.value());
    next.tweaks = stored_json(tweaks_at(transaction, user_id, next.room_id, *position));
    return next;
}

}  // namespace homeserver
