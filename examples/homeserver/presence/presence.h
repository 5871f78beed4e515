#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/json.h>
#include <callbacks/presence.h>

#include <async/task.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// The `m.presence` events that a sync of `user_id` from position `since` (0: from the beginning) shows: the user's own, those
/// of users in common rooms, of the users that get_interested_users names (PRESENCE_ALL_USERS: of every user), and what
/// get_users_for_states routed to this user.
[[nodiscard]] async::task<callbacks::JsonArray> presence_for_sync(ServerWorker& worker, std::string user_id,
                                                                  std::int64_t since);

/// Throws SynapseError 400 `M_INVALID_PARAM` "Invalid presence state" for a word that is none.
void require_presence_state(std::string_view state);
/// Sets a user's presence and tells who may see it, also if it is the same again. Errors: SynapseError 400 `M_INVALID_PARAM`.
[[nodiscard]] async::task<void> set_presence(ServerWorker& worker, callbacks::UserPresenceState wanted);
/// Has the next sync of these local users show everybody who is online and whose presence they may see.
[[nodiscard]] async::task<void> show_all_online(ServerWorker& worker, std::vector<std::string> users);

/// GET and PUT /presence/{user}/status.
void add_presence_endpoints(Router& router);

}  // namespace homeserver
