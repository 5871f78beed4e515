#pragma once

#include "../router.h"

namespace homeserver {

/// POST /createRoom.
void add_create_room_endpoint(Router& router);

}  // namespace homeserver
