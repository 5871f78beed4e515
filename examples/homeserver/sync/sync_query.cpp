#include "sync/sync_query.h"

#include "events/event_search.h"
#include "events/stream.h"
#include "events/visibility.h"
#include "rooms/shut_down_rooms.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace homeserver {

namespace {

using modapi::Transaction;

std::string membership_at(Transaction& transaction, const std::string& room_id, const std::string& user_id,
                          std::int64_t position) {
    const std::optional<StoredEvent> member = state_event_at(transaction, room_id, "m.room.member", user_id, position);
    return std::string(member ? member->event.membership().value_or("leave") : "leave");
}

/// Whether the user joined behind `after` and up to `until`.
bool joined_between(Transaction& transaction, const std::string& room_id, const std::string& user_id, std::int64_t after,
                    std::int64_t until) {
    const std::vector<StoredEvent> memberships = state_history(transaction, room_id, "m.room.member", user_id);
    return std::any_of(memberships.begin(), memberships.end(), [&](const StoredEvent& stored) {
        return stored.position > after && stored.position <= until && stored.event.membership() == "join";
    });
}

/// What of a room is to be told.
struct RoomPart {
    std::string room_id;
    std::int64_t since = 0;
    std::int64_t until = 0;
    bool joined_throughout = false;  ///< the user saw all of it
    bool is_joined = false;          ///< the user is there at its end
};

/// What happened in that part, as the client is told: the latest events, and the state they begin with as far as it is new.
RoomChanges changes_of(Transaction& transaction, const SyncRequest& request, const RoomPart& part) {
    const EventFilter& wanted = request.filter.timeline;
    EventStretch stretch;
    stretch.room_id = part.room_id;
    stretch.after = part.since;
    stretch.until = part.until;
    EventSearch search(transaction, std::move(stretch), wanted.limit());
    std::optional<Visibility> visibility;
    if (!part.joined_throughout) visibility.emplace(transaction, part.room_id, request.user_id);
    std::int64_t hidden_up_to = 0;
    if (visibility || wanted.restricts()) {
        search.set_wanted([&](const StoredEvent& stored) {
            const bool is_shown = !visibility || visibility->shows(stored);
            if (!is_shown) hidden_up_to = std::max(hidden_up_to, stored.position);
            return is_shown && wanted.wants(stored.event);
        });
    }
    FoundEvents found = std::move(search).find();
    // Who is in the room knows its state, also where they don't see how it came about: the timeline begins behind that.
    const auto is_cut_off = [&](const StoredEvent& stored) { return part.is_joined && stored.position < hidden_up_to; };
    const std::size_t cut_off = std::erase_if(found.events, is_cut_off);

    RoomChanges changes;
    changes.room_id = part.room_id;
    changes.timeline = std::move(found.events);
    std::reverse(changes.timeline.begin(), changes.timeline.end());
    changes.limited = found.go_on_from.has_value() || cut_off > 0;
    const std::int64_t nothing_found = found.go_on_from.value_or(part.until);
    changes.before_timeline = changes.timeline.empty() ? nothing_found : changes.timeline.front().position - 1;
    // A timeline that leaves nothing out has all the new state in it.
    const bool leaves_something_out = changes.limited || wanted.restricts() || request.full_state;
    if (visibility || leaves_something_out) {
        const std::int64_t begin = changes.timeline.empty() ? part.until : changes.before_timeline;
        const std::int64_t state_until = visibility ? visibility->state_until(begin) : begin;
        changes.state = state_at(transaction, part.room_id, state_until, request.full_state ? 0 : part.since);
    }
    request.filter.state.restrict(changes.state);
    return changes;
}

/// The same behind the request's position. A room that was joined since then is told from its beginning; a client that knew it
/// from an earlier stay learns that its timeline doesn't go on where it ended.
RoomChanges changes_since(Transaction& transaction, const SyncRequest& request, const Relation& relation, bool was_joined,
                          std::int64_t until) {
    RoomPart part{relation.room_id, request.since, until, was_joined && relation.position <= request.since,
                  relation.membership == "join"};
    const bool is_new =
        !was_joined && request.since > 0 && joined_between(transaction, part.room_id, request.user_id, request.since, until);
    if (is_new) part.since = 0;
    RoomChanges changes = changes_of(transaction, request, part);
    if (is_new && joined_between(transaction, part.room_id, request.user_id, 0, request.since)) changes.limited = true;
    return changes;
}

StrippedRoom stripped_room_of(Transaction& transaction, const Relation& relation, const std::string& user_id) {
    constexpr const char* shown_outside[] = {"m.room.create",          "m.room.join_rules", "m.room.name",      "m.room.avatar",
                                             "m.room.canonical_alias", "m.room.topic",      "m.room.encryption"};
    StrippedRoom room;
    room.room_id = relation.room_id;
    for (const char* type : shown_outside) {
        std::optional<callbacks::Event> event = current_state_event(transaction, relation.room_id, type, "");
        if (event) room.state.push_back(std::move(*event));
    }
    const callbacks::Event membership = current_state_event(transaction, relation.room_id, "m.room.member", user_id).value();
    if (membership.sender() != user_id) {
        std::optional<callbacks::Event> inviter =
            current_state_event(transaction, relation.room_id, "m.room.member", membership.sender());
        if (inviter) room.state.push_back(std::move(*inviter));
    }
    room.membership = find_event(transaction, relation.room_id, membership.event_id().value()).value();
    return room;
}

/// Account data or receipts by room; under the empty id what is global.
template <class Item>
using ByRoom = std::map<std::string, std::vector<Item>>;

template <class Item>
ByRoom<Item> by_room(std::vector<Item> items) {
    ByRoom<Item> sorted;
    for (Item& item : items) {
        std::vector<Item>& of_room = sorted[item.room_id];
        of_room.push_back(std::move(item));
    }
    return sorted;
}

template <class Item>
void add_rooms(std::set<std::string>& rooms, const ByRoom<Item>& items) {
    for (const auto& [room_id, of_room] : items) {
        if (!room_id.empty()) rooms.insert(room_id);
    }
}

callbacks::Event event_of_stripped(const callbacks::JsonValue& stripped) {
    const auto text = [&](std::string_view key) {
        const callbacks::JsonValue* const value = stripped.get_object().if_contains(key);
        return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    callbacks::EventFields fields;
    fields.type = text("type");
    fields.sender = text("sender");
    fields.state_key = text("state_key");
    const callbacks::JsonValue* const content = stripped.get_object().if_contains("content");
    if (content != nullptr && content->is_object()) fields.content = content->get_object();
    return callbacks::Event(std::move(fields));
}

/// A room that the user isn't in any more, and of which there is nothing to show.
void add_left(SyncChanges& changes, std::string room_id) {
    RoomChanges left;
    left.room_id = std::move(room_id);
    left.before_timeline = changes.now;
    changes.left.push_back(std::move(left));
}

void add_shut_down_rooms(const SyncRequest& request, SyncQuestions& asked, SyncChanges& changes) {
    for (auto& [room_id] : asked.shut_down_rooms->take()) {
        if (request.filter.wants_room(room_id)) add_left(changes, std::move(room_id));
    }
}

/// Invitations into rooms that aren't here, and those that the user has declined since.
void add_remote_invites(const SyncRequest& request, SyncQuestions& asked, SyncChanges& changes) {
    for (RemoteInvite& remote : asked.remote_invites.take()) {
        if (!request.filter.wants_room(remote.room_id)) continue;
        if (remote.declined) {
            add_left(changes, std::move(remote.room_id));
            continue;
        }
        StrippedRoom invite;
        invite.room_id = std::move(remote.room_id);
        for (const callbacks::JsonValue& stripped : remote.room_state) invite.state.push_back(event_of_stripped(stripped));
        invite.membership = StoredEvent{remote.event, changes.now, std::nullopt, std::nullopt};
        changes.invited.push_back(std::move(invite));
    }
}

void restrict(std::vector<AccountDataItem>& items, const EventFilter& filter, const std::string& owner) {
    std::erase_if(items, [&](const AccountDataItem& item) {
        return !filter.wants(item.type, owner) || (!item.room_id.empty() && !filter.wants_room(item.room_id));
    });
}

bool wants_receipts_of_any(const SyncRequest& request) {
    return request.filter.ephemeral.wants("m.receipt", std::string_view());
}

}  // namespace

SyncQuestions::SyncQuestions(Transaction& transaction, const SyncRequest& request)
    : now(current_stream_position_later(transaction)),
      account_data(transaction, request.user_id, request.since),
      remote_invites(transaction, request.user_id, request.since) {
    if (request.since == 0) return;
    if (wants_receipts_of_any(request)) receipts = receipts_since(transaction, request.user_id, request.since);
    if (!request.full_state) relations.emplace(transaction, request.user_id, request.since);
    shut_down_rooms = rooms_shut_down_since(transaction, request.user_id, request.since);
}

SyncChanges find_changes(Transaction& transaction, const SyncRequest& request, SyncQuestions& asked) {
    SyncChanges changes;
    changes.now = std::get<0>(asked.now.take_one().value());
    const bool is_initial = request.since == 0;
    ByRoom<AccountDataItem> data = by_room(asked.account_data.take());
    const bool wants_any_receipts = wants_receipts_of_any(request);
    ByRoom<Receipt> receipts;
    if (asked.receipts) receipts = by_room(asked.receipts->take());
    std::vector<Relation> relations;
    if (asked.relations) {
        std::set<std::string> with_news;
        add_rooms(with_news, data);
        add_rooms(with_news, receipts);
        relations = asked.relations->take(changes.now, with_news);
    } else {
        relations = all_relations(transaction, request.user_id);
    }
    for (const Relation& relation : relations) {
        const std::string& room_id = relation.room_id;
        if (!request.filter.wants_room(room_id)) continue;
        const bool is_new = relation.position > request.since;
        const auto was_joined = [&] {
            if (is_initial) return false;
            if (!is_new) return relation.membership == "join";
            return membership_at(transaction, room_id, request.user_id, request.since) == "join";
        };
        if (relation.membership == "join") {
            const bool is_known = was_joined();
            LaterUnreadCounts unread(transaction, request.user_id, room_id);
            RoomChanges room = changes_since(transaction, request, relation, is_known, changes.now);
            // Of the first sync the data is all there is anyway.
            room.account_data =
                is_known || is_initial ? std::move(data[room_id]) : account_data_of_room(transaction, request.user_id, room_id);
            restrict(room.account_data, request.filter.room_account_data, request.user_id);
            const bool wants_receipts = wants_any_receipts && request.filter.ephemeral.wants_room(room_id);
            if (is_known && wants_receipts) {
                room.receipts = std::move(receipts[room_id]);
            } else if (wants_receipts) {
                room.receipts = receipts_of_room(transaction, request.user_id, room_id).take();
            }
            const bool says_nothing =
                room.timeline.empty() && room.state.empty() && room.account_data.empty() && room.receipts.empty();
            if (is_known && says_nothing) continue;
            room.unread = unread.take();
            changes.joined.push_back(std::move(room));
        } else if (relation.membership == "invite") {
            if (is_new) changes.invited.push_back(stripped_room_of(transaction, relation, request.user_id));
        } else if (relation.membership == "knock") {
            if (is_new) changes.knocked.push_back(stripped_room_of(transaction, relation, request.user_id));
        } else if (is_new && (!is_initial || request.filter.include_leave)) {
            changes.left.push_back(changes_since(transaction, request, relation, was_joined(), relation.position));
        }
    }
    add_remote_invites(request, asked, changes);
    if (asked.shut_down_rooms) add_shut_down_rooms(request, asked, changes);
    changes.account_data = std::move(data[std::string()]);
    restrict(changes.account_data, request.filter.account_data, request.user_id);
    return changes;
}

}  // namespace homeserver
