#pragma once

#include "process/server_worker.h"

#include <callbacks/json.h>

#include <async/task.h>

#include <optional>
#include <string>

namespace homeserver {

/// Makes every joined or invited user leave, by one membership event each, and removes the room from the database. Gives the
/// endpoint's answer. Nobody asked: a module did. Errors: SynapseError 403 "Shutdown of this room is forbidden", by
/// check_can_shutdown_room.
[[nodiscard]] async::task<callbacks::JsonDict> shut_room_down(ServerWorker& worker, std::optional<std::string> asked_by,
                                                              std::string room_id);

}  // namespace homeserver
