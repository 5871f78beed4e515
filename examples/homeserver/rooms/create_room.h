#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/json.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <optional>
#include <string>

namespace homeserver {

struct CreatedRoom {
    std::string room_id;
    std::optional<std::string> alias;
};

/// Creates a room as a createRoom body asks for it, with all callbacks. What `creator_profile` says stands in the creator's
/// member event instead of their profile. Errors: SynapseError as read_room_request; 403 from modules and rules; 400
/// `M_ROOM_IN_USE`.
[[nodiscard]] async::task<CreatedRoom> create_room(ServerWorker& worker, callbacks::Requester requester,
                                                   callbacks::JsonDict body, callbacks::JsonDict creator_profile);

/// POST /createRoom.
void add_create_room_endpoint(Router& router);

}  // namespace homeserver
