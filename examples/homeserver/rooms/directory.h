#pragma once

#include "../router.h"

namespace homeserver {

/// GET and PUT /directory/list/room/{room}; GET and POST /publicRooms.
void add_directory_endpoints(Router& router);

}  // namespace homeserver
