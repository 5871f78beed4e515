#pragma once

#include "http/router.h"

namespace homeserver {

/// All endpoints under /rooms, /createRoom, /join and /joined_rooms, and those of the room directory.
void add_room_endpoints(Router& router);

}  // namespace homeserver
