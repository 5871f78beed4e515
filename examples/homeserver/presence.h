#pragma once

#include "router.h"
#include "server_worker.h"

#include <callbacks/json.h>

#include <async/task.h>

#include <cstdint>
#include <string>

namespace homeserver {

/// The `m.presence` events that a sync of `user_id` from position `since` (0: from the beginning) shows: the user's own, those
/// of users in common rooms, of the users that get_interested_users names (PRESENCE_ALL_USERS: of every user), and what
/// get_users_for_states routed to this user.
[[nodiscard]] async::task<callbacks::JsonArray> presence_for_sync(ServerWorker& worker, std::string user_id,
                                                                  std::int64_t since);

/// GET and PUT /presence/{user}/status.
void add_presence_endpoints(Router& router);

}  // namespace homeserver
