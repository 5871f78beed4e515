#include "sync_query.h"

#include "../stream.h"
#include "visibility.h"

#include <algorithm>

namespace homeserver {

namespace {

using modapi::Transaction;

/// A room that the user has to do with.
struct Relation {
    std::string room_id;
    std::string membership;
    std::int64_t position = 0;  ///< of the membership
};

std::vector<Relation> relations_of(Transaction& transaction, const std::string& user_id) {
    std::vector<Relation> relations;
    auto rows = transaction.query<std::string, std::string, std::int64_t>(
        "SELECT room_id, membership, stream_position FROM room_memberships WHERE user_id = ? AND forgotten = 0 ORDER BY "
        "room_id",
        user_id);
    for (auto& [room_id, membership, position] : rows)
        relations.push_back({std::move(room_id), std::move(membership), position});
    return relations;
}

std::string membership_at(Transaction& transaction, const std::string& room_id, const std::string& user_id,
                          std::int64_t position) {
    const auto row = transaction.query_one<std::string>(
        "SELECT event_id FROM events WHERE room_id = ? AND type = 'm.room.member' AND state_key = ? AND stream_position <= ? "
        "ORDER BY stream_position DESC LIMIT 1",
        room_id, user_id, position);
    if (!row) return "leave";
    return std::string(find_event(transaction, room_id, std::get<0>(*row)).value().event.membership().value_or("leave"));
}

/// Whether the user joined behind `after` and up to `until`.
bool joined_between(Transaction& transaction, const std::string& room_id, const std::string& user_id, std::int64_t after,
                    std::int64_t until) {
    const auto rows = transaction.query<std::string>(
        "SELECT event_id FROM events WHERE room_id = ? AND type = 'm.room.member' AND state_key = ? "
        "AND stream_position > ? AND stream_position <= ?",
        room_id, user_id, after, until);
    return std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
        return find_event(transaction, room_id, std::get<0>(row)).value().event.membership() == "join";
    });
}

/// What happened in a room behind `since` and up to `until`, as the client is told: the latest events, and the state they begin
/// with as far as it is new.
RoomChanges changes_behind(Transaction& transaction, const SyncRequest& request, const std::string& room_id, std::int64_t since,
                           std::int64_t until) {
    RoomChanges changes;
    changes.room_id = room_id;
    const std::int64_t limit = request.filter.timeline.limit();
    changes.timeline = latest_events(transaction, room_id, since, until, limit + 1);
    changes.limited = static_cast<std::int64_t>(changes.timeline.size()) > limit;
    if (changes.limited) changes.timeline.erase(changes.timeline.begin());
    changes.before_timeline = changes.timeline.empty() ? until : changes.timeline.front().position - 1;
    const Visibility visibility(transaction, room_id, request.user_id);
    const std::int64_t state_until = visibility.state_until(changes.before_timeline);
    changes.state = state_at(transaction, room_id, state_until, request.full_state ? 0 : since);
    visibility.restrict(changes.timeline);
    request.filter.timeline.restrict(changes.timeline);
    request.filter.state.restrict(changes.state);
    return changes;
}

/// The same behind the request's position. A room that was joined since then is told from its beginning; a client that knew it
/// from an earlier stay learns that its timeline doesn't go on where it ended.
RoomChanges room_changes(Transaction& transaction, const SyncRequest& request, const std::string& room_id, bool was_joined,
                         std::int64_t until) {
    const bool is_new = !was_joined && joined_between(transaction, room_id, request.user_id, request.since, until);
    RoomChanges changes = changes_behind(transaction, request, room_id, is_new ? 0 : request.since, until);
    if (is_new && joined_between(transaction, room_id, request.user_id, 0, request.since)) changes.limited = true;
    return changes;
}

Invite invite_of(Transaction& transaction, const Relation& relation, const std::string& user_id) {
    constexpr const char* shown_outside[] = {"m.room.create",          "m.room.join_rules", "m.room.name",      "m.room.avatar",
                                             "m.room.canonical_alias", "m.room.topic",      "m.room.encryption"};
    Invite invite;
    invite.room_id = relation.room_id;
    for (const char* type : shown_outside) {
        std::optional<callbacks::Event> event = current_state_event(transaction, relation.room_id, type, "");
        if (event) invite.state.push_back(std::move(*event));
    }
    const callbacks::Event invitation = current_state_event(transaction, relation.room_id, "m.room.member", user_id).value();
    std::optional<callbacks::Event> inviter =
        current_state_event(transaction, relation.room_id, "m.room.member", invitation.sender());
    if (inviter) invite.state.push_back(std::move(*inviter));
    invite.invitation = find_event(transaction, relation.room_id, invitation.event_id().value()).value();
    return invite;
}

template <class Item>
std::vector<Item> take_of_room(std::vector<Item>& items, const std::string& room_id) {
    const auto others =
        std::stable_partition(items.begin(), items.end(), [&](const Item& item) { return item.room_id != room_id; });
    std::vector<Item> taken(std::make_move_iterator(others), std::make_move_iterator(items.end()));
    items.erase(others, items.end());
    return taken;
}

void restrict(std::vector<AccountDataItem>& items, const EventFilter& filter, const std::string& owner) {
    std::erase_if(items, [&](const AccountDataItem& item) { return !filter.wants(item.type, owner); });
}

}  // namespace

SyncChanges find_changes(Transaction& transaction, const SyncRequest& request) {
    SyncChanges changes;
    changes.now = current_stream_position(transaction);
    const bool is_initial = request.since == 0;
    std::vector<AccountDataItem> account_data = account_data_since(transaction, request.user_id, request.since);
    const bool wants_receipts = request.filter.ephemeral.wants("m.receipt", std::string_view());
    std::vector<Receipt> receipts;
    if (wants_receipts && !is_initial) receipts = receipts_since(transaction, request.user_id, request.since);
    for (const Relation& relation : relations_of(transaction, request.user_id)) {
        if (!request.filter.wants_room(relation.room_id)) continue;
        const bool is_new = relation.position > request.since;
        if (relation.membership == "join") {
            const bool was_joined =
                !is_initial && membership_at(transaction, relation.room_id, request.user_id, request.since) == "join";
            RoomChanges room = room_changes(transaction, request, relation.room_id, was_joined, changes.now);
            room.account_data = was_joined ? take_of_room(account_data, relation.room_id) : std::vector<AccountDataItem>();
            if (!was_joined) {
                std::vector<AccountDataItem> all = account_data_since(transaction, request.user_id, 0);
                room.account_data = take_of_room(all, relation.room_id);
            }
            restrict(room.account_data, request.filter.room_account_data, request.user_id);
            if (was_joined) {
                room.receipts = take_of_room(receipts, relation.room_id);
            } else if (wants_receipts) {
                room.receipts = receipts_of_room(transaction, request.user_id, relation.room_id);
            }
            const bool says_nothing =
                room.timeline.empty() && room.state.empty() && room.account_data.empty() && room.receipts.empty();
            if (!was_joined || !says_nothing) changes.joined.push_back(std::move(room));
        } else if (relation.membership == "invite") {
            if (is_new) changes.invited.push_back(invite_of(transaction, relation, request.user_id));
        } else if (is_new && (!is_initial || request.filter.include_leave)) {
            const bool was_joined =
                !is_initial && membership_at(transaction, relation.room_id, request.user_id, request.since) == "join";
            changes.left.push_back(room_changes(transaction, request, relation.room_id, was_joined, relation.position));
        }
    }
    changes.account_data = take_of_room(account_data, std::string());
    restrict(changes.account_data, request.filter.account_data, request.user_id);
    return changes;
}

}  // namespace homeserver
