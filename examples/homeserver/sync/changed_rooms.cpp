#include "sync/changed_rooms.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

namespace homeserver {

namespace {

using modapi::Transaction;

/// `from_where` goes on behind the columns of `room_memberships m`.
template <class... Values>
std::vector<Relation> select_relations(Transaction& transaction, std::string_view from_where, const Values&... values) {
    std::vector<Relation> relations;
    auto rows = transaction.query<std::string, std::string, std::int64_t>(
        "SELECT m.room_id, m.membership, m.stream_position " + std::string(from_where), values...);
    for (auto& [room_id, membership, position] : rows)
        relations.push_back({std::move(room_id), std::move(membership), position});
    return relations;
}

/// Whether the user has joined at least that many rooms; looks at no more than those.
bool has_joined(Transaction& transaction, const std::string& user_id, std::int64_t count) {
    const auto row = transaction.query_one<std::int64_t>(
        "SELECT COUNT(*) FROM (SELECT 1 FROM room_memberships WHERE user_id = ? AND membership = 'join' LIMIT ?) joined",
        user_id, count);
    return std::get<0>(row.value()) >= count;
}

std::vector<Relation> with_events(Transaction& transaction, const std::string& user_id, std::int64_t since, std::int64_t now) {
    // At most one event has each position.
    const std::int64_t max_events = now - since;
    if (max_events <= 0) return {};
    if (has_joined(transaction, user_id, max_events)) {
        // SQLite takes the tables of a CROSS JOIN in this order; it would begin with all rooms of the user.
        return select_relations(transaction,
                                "FROM events e CROSS JOIN room_memberships m WHERE e.stream_position > ? AND "
                                "e.stream_position <= ? AND m.room_id = e.room_id AND m.user_id = ? AND m.membership = 'join' "
                                "AND m.forgotten = 0",
                                since, now, user_id);
    }
    return select_relations(transaction,
                            "FROM room_memberships m WHERE m.user_id = ? AND m.membership = 'join' AND m.forgotten = 0 AND "
                            "EXISTS (SELECT 1 FROM events e WHERE e.room_id = m.room_id AND e.stream_position > ? AND "
                            "e.stream_position <= ?)",
                            user_id, since, now);
}

}  // namespace

std::vector<Relation> all_relations(Transaction& transaction, const std::string& user_id) {
    return select_relations(transaction, "FROM room_memberships m WHERE m.user_id = ? AND m.forgotten = 0 ORDER BY m.room_id",
                            user_id);
}

std::vector<Relation> changed_relations(Transaction& transaction, const std::string& user_id, std::int64_t since,
                                        std::int64_t now, const std::set<std::string>& with_news) {
    std::vector<Relation> relations = select_relations(
        transaction, "FROM room_memberships m WHERE m.user_id = ? AND m.stream_position > ? AND m.forgotten = 0", user_id,
        since);
    const auto add = [&](std::vector<Relation> more) {
        relations.insert(relations.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    add(with_events(transaction, user_id, since, now));
    for (const std::string& room_id : with_news) {
        add(select_relations(transaction, "FROM room_memberships m WHERE m.room_id = ? AND m.user_id = ? AND m.forgotten = 0",
                             room_id, user_id));
    }
    const auto by_room = [](const Relation& one, const Relation& other) { return one.room_id < other.room_id; };
    const auto same_room = [](const Relation& one, const Relation& other) { return one.room_id == other.room_id; };
    std::sort(relations.begin(), relations.end(), by_room);
    relations.erase(std::unique(relations.begin(), relations.end(), same_room), relations.end());
    return relations;
}

}  // namespace homeserver
