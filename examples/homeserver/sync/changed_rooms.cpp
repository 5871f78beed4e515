#include "sync/changed_rooms.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace homeserver {

namespace {

using modapi::Transaction;

using RelationRows = modapi::LaterRows<std::string, std::string, std::int64_t>;

/// An event's membership is looked up faster than the server is asked how many rooms the user has joined.
constexpr std::int64_t few_events = 8;

/// `from_where` goes on behind the columns of `room_memberships m`.
template <class... Values>
RelationRows ask_relations(Transaction& transaction, std::string_view from_where, const Values&... values) {
    return transaction.query_later<std::string, std::string, std::int64_t>(
        "SELECT m.room_id, m.membership, m.stream_position " + std::string(from_where), values...);
}

void add(RelationRows rows, std::vector<Relation>& relations) {
    for (auto& [room_id, membership, position] : rows.take())
        relations.push_back({std::move(room_id), std::move(membership), position});
}

/// Whether the user has joined at least that many rooms; looks at no more than those.
bool has_joined(Transaction& transaction, const std::string& user_id, std::int64_t count) {
    const auto row = transaction.query_one<std::int64_t>(
        "SELECT COUNT(*) FROM (SELECT 1 FROM room_memberships WHERE user_id = ? AND membership = 'join' LIMIT ?) joined",
        user_id, count);
    return std::get<0>(row.value()) >= count;
}

/// `count` is positive: at most one event has each position.
RelationRows with_events(Transaction& transaction, const std::string& user_id, std::int64_t since, std::int64_t count) {
    const std::int64_t now = since + count;
    if (count <= few_events || has_joined(transaction, user_id, count)) {
        // SQLite takes the tables of a CROSS JOIN in this order; it would begin with all rooms of the user.
        return ask_relations(transaction,
                             "FROM events e CROSS JOIN room_memberships m WHERE e.stream_position > ? AND "
                             "e.stream_position <= ? AND m.room_id = e.room_id AND m.user_id = ? AND m.membership = 'join' "
                             "AND m.forgotten = 0",
                             since, now, user_id);
    }
    return ask_relations(transaction,
                         "FROM room_memberships m WHERE m.user_id = ? AND m.membership = 'join' AND m.forgotten = 0 AND "
                         "EXISTS (SELECT 1 FROM events e WHERE e.room_id = m.room_id AND e.stream_position > ? AND "
                         "e.stream_position <= ?)",
                         user_id, since, now);
}

}  // namespace

std::vector<Relation> all_relations(Transaction& transaction, const std::string& user_id) {
    std::vector<Relation> relations;
    add(ask_relations(transaction, "FROM room_memberships m WHERE m.user_id = ? AND m.forgotten = 0 ORDER BY m.room_id",
                      user_id),
        relations);
    return relations;
}

ChangedRelations::ChangedRelations(Transaction& transaction, const std::string& user_id, std::int64_t since)
    : transaction_(transaction),
      user_id_(user_id),
      since_(since),
      memberships_(ask_relations(
          transaction, "FROM room_memberships m WHERE m.user_id = ? AND m.stream_position > ? AND m.forgotten = 0", user_id,
          since)) {}

std::vector<Relation> ChangedRelations::take(std::int64_t now, const std::set<std::string>& with_news) {
    std::vector<RelationRows> asked;
    asked.push_back(std::move(memberships_));
    if (now > since_) asked.push_back(with_events(transaction_, user_id_, since_, now - since_));
    for (const std::string& room_id : with_news) {
        asked.push_back(ask_relations(transaction_,
                                      "FROM room_memberships m WHERE m.room_id = ? AND m.user_id = ? AND m.forgotten = 0",
                                      room_id, user_id_));
    }
    std::vector<Relation> relations;
    for (RelationRows& rows : asked) add(std::move(rows), relations);
    const auto by_room = [](const Relation& one, const Relation& other) { return one.room_id < other.room_id; };
    const auto same_room = [](const Relation& one, const Relation& other) { return one.room_id == other.room_id; };
    std::sort(relations.begin(), relations.end(), by_room);
    relations.erase(std::unique(relations.begin(), relations.end(), same_room), relations.end());
    return relations;
}

}  // namespace homeserver
