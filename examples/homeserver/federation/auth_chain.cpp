#include "federation/auth_chain.h"

#include "events/room_store.h"

#include <optional>
#include <set>
#include <utility>

namespace homeserver {

std::vector<callbacks::Event> auth_chain_of(modapi::Transaction& transaction, const std::string& room_id,
                                            const std::vector<callbacks::Event>& events) {
    std::vector<callbacks::Event> chain;
    std::set<std::string> seen;
    std::vector<callbacks::Event> to_follow = events;
    while (!to_follow.empty()) {
        const callbacks::Event event = std::move(to_follow.back());
        to_follow.pop_back();
        for (const callbacks::JsonValue& reference : event.other().at("auth_events").as_array()) {
            const std::string event_id(reference.as_string());
            if (!seen.insert(event_id).second) continue;
            std::optional<StoredEvent> found = find_event(transaction, room_id, event_id);
            if (!found) continue;
            chain.push_back(found->event);
            to_follow.push_back(std::move(found->event));
        }
    }
    return chain;
}

}  // namespace homeserver
