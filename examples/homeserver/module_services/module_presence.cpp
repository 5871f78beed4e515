#include "module_services/module_presence.h"

#include "http/requests.h"
#include "presence/presence.h"

#include <utility>

namespace homeserver {

namespace {

/// One after the other; those of one call aren't one change.
async::task<void> set_all(Presence& presence, std::vector<callbacks::UserPresenceState> states) {
    for (callbacks::UserPresenceState& state : states) co_await presence.set(std::move(state));
}

}  // namespace

async::task<void> ModulePresence::send_local_online_presence_to(std::vector<callbacks::UserID> users) {
    std::vector<std::string> local;  // nothing is sent to other servers
    for (const callbacks::UserID& user : users) {
        if (server_name_.owns(user.to_string())) local.push_back(user.to_string());
    }
    return presence_.show_all_online(std::move(local));
}

async::task<void> ModulePresence::set_presence_for_users(modapi::PresenceUpdates users) {
    std::vector<callbacks::UserPresenceState> states;
    for (auto& [user_id, update] : users) {
        require_presence_state(update.state);
        callbacks::UserPresenceState state;
        state.user_id = user_id;
        state.state = std::move(update.state);
        state.status_msg = std::move(update.status_msg);
        states.push_back(std::move(state));
    }
    return to_the_end(set_all(presence_, std::move(states)));
}

}  // namespace homeserver
