#include "events/visibility.h"

#include <algorithm>
#include <utility>

namespace homeserver {

Visibility::Visibility(modapi::Transaction& transaction, const std::string& room_id, const std::string& user_id)
    : user_id_(user_id) {
    auto now_and_membership = transaction.query_later<std::int64_t, std::optional<std::string>, std::optional<bool>>(
        "SELECT s.position, m.membership, m.forgotten FROM stream_position AS s LEFT JOIN room_memberships AS m "
        "ON m.room_id = ? AND m.user_id = ?",
        room_id, user_id);
    const std::vector<StoredEvent> history = visibility_history(transaction, room_id, user_id);
    const auto row = now_and_membership.take_one();
    const auto& [now, membership, forgotten] = row.value();
    now_ = now;
    is_of_stranger_ = !membership;
    if (membership) membership_ = *membership;
    // Who forgot a room is shown no more of it than somebody who never was there.
    const bool has_forgotten = forgotten.value_or(false);
    for (const StoredEvent& stored : history) {
        if (stored.event.type() == "m.room.history_visibility") {
            visibilities_.emplace_back(stored.position, stored.event.content_string("history_visibility").value_or("shared"));
        } else if (!has_forgotten) {
            note_membership(stored.position, std::string(stored.event.membership().value_or("leave")));
        }
    }
}

void Visibility::note_membership(std::int64_t position, std::string membership) {
    if (membership == "join") {
        last_join_ = position;
        last_leave_ = std::nullopt;
    } else if (last_join_ > 0 && !last_leave_) {
        last_leave_ = position;
    }
    memberships_.emplace_back(position, std::move(membership));
}

const std::string& Visibility::value_at(const std::vector<Change>& changes, std::int64_t position, const std::string& before) {
    const auto later =
        std::find_if(changes.begin(), changes.end(), [&](const Change& change) { return change.first > position; });
    return later == changes.begin() ? before : std::prev(later)->second;
}

bool Visibility::shows(const StoredEvent& stored) const {
    static const std::string leave = "leave";
    static const std::string shared = "shared";
    // A user's own memberships are always theirs to see: they are told by whom they were invited or removed.
    if (stored.event.membership() && stored.event.state_key() == user_id_) return true;
    const std::string& visibility = value_at(visibilities_, stored.position, shared);
    if (visibility == "world_readable") return true;
    const std::string& membership = value_at(memberships_, stored.position, leave);
    if (membership == "join") return true;
    if (visibility == "joined") return false;
    if (visibility == "invited") return membership == "invite";
    return last_join_ > stored.position;
}

bool Visibility::shows_anything() const noexcept { return last_join_ > 0 || is_open_to_the_world(); }

std::int64_t Visibility::state_until(std::int64_t position) const noexcept {
    if (last_join_ == 0) return is_open_to_the_world() ? position : 0;
    return std::min(position, last_leave_.value_or(position));
}

bool Visibility::is_open_to_the_world() const noexcept {
    return !visibilities_.empty() && visibilities_.back().second == "world_readable";
}

void Visibility::restrict(std::vector<StoredEvent>& events) const {
    std::erase_if(events, [this](const StoredEvent& stored) { return !shows(stored); });
}

}  // namespace homeserver
