#include "rooms/pending_event.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace homeserver {

using modapi::Transaction;

bool changes_state(const std::vector<PendingEvent>& events) {
    return std::any_of(events.begin(), events.end(), [](const PendingEvent& pending) { return pending.event.is_state(); });
}

std::optional<std::string> find_outdated(Transaction& transaction, const std::vector<PendingEvent>& events) {
    for (const PendingEvent& pending : events) {
        if (pending.still_holds && !pending.still_holds(transaction)) return pending.event.event_id();
    }
    return std::nullopt;
}

std::vector<std::string> append_events(Transaction& transaction, const std::vector<PendingEvent>& events, RoomHead& head,
                                       const callbacks::StateMap& before, NotifiedMembers* members,
                                       LaterStreamPosition* first) {
    std::vector<std::string> told;
    std::optional<callbacks::StateMap> changed;  // a message leaves the state as it is
    for (const PendingEvent& pending : events) {
        if (pending.event.is_state()) {
            if (!changed) changed = before;
            changed->set(pending.event);
        }
        LaterStreamPosition* const asked_for = std::exchange(first, nullptr);
        const std::int64_t position = asked_for != nullptr ? asked_for->draw() : next_stream_position(transaction);
        append_event(transaction, pending.event, position, pending.transaction, head, changed ? *changed : before,
                     changed ? nullptr : members);
        if (pending.alongside) pending.alongside(transaction);
        if (pending.event.membership()) told.push_back(*pending.event.state_key());
    }
    return told;
}

void add_joined(const callbacks::StateMap& state, std::vector<std::string>& users) {
    for (const auto& [key, event] : state) {
        const std::optional<std::string_view> membership = event.membership();
        if (membership && *membership == "join") users.push_back(key.second);
    }
}

}  // namespace homeserver
