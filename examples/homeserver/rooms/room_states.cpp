#include "rooms/room_states.h"

#include "events/room_store.h"

#include <utility>

namespace homeserver {

using callbacks::StateMap;

std::shared_ptr<const StateMap> RoomStates::get(modapi::Transaction& transaction, const std::string& room_id,
                                                std::int64_t state_version) {
    std::shared_ptr<const StateMap> state = find(room_id, state_version);
    if (state) return state;
    state = std::make_shared<const StateMap>(current_state(transaction, room_id));
    Known known;
    known.version = state_version;
    known.state = state;
    const std::scoped_lock lock(mutex_);
    keep(room_id, std::move(known));
    return state;
}

std::shared_ptr<const StateMap> RoomStates::find(const std::string& room_id, std::int64_t state_version) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = recent_.find(room_id); found != recent_.end()) {
        return found->second.version == state_version ? found->second.state : nullptr;
    }
    const auto found = before_.find(room_id);
    if (found == before_.end() || found->second.version != state_version) return nullptr;
    Known known = found->second;
    std::shared_ptr<const StateMap> state = known.state;
    keep(room_id, std::move(known));
    return state;
}

void RoomStates::keep(const std::string& room_id, Known known) {
    const std::size_t events = known.state->size();
    if (events > half_) return;
    const auto found = recent_.find(room_id);
    if (found != recent_.end()) {
        // A reader whose snapshot is older may come later.
        if (found->second.version > known.version) return;
        recent_events_ -= found->second.state->size();
        recent_.erase(found);
    }
    if (recent_events_ + events > half_) {
        before_ = std::exchange(recent_, Rooms());
        recent_events_ = 0;
    }
    recent_events_ += events;
    recent_.emplace(room_id, std::move(known));
}

}  // namespace homeserver
