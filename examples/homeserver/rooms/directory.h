#pragma once

#include "http/router.h"

#include <modapi/database.h>

#include <string>

namespace homeserver {

/// Puts a room into the directory or takes it out, for use inside a transaction. False: there is no such room.
bool set_room_public(modapi::Transaction& transaction, const std::string& room_id, bool is_public);

/// GET and PUT /directory/list/room/{room}; GET and POST /publicRooms.
void add_directory_endpoints(Router& router);

}  // namespace homeserver
