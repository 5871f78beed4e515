#pragma once

#include "router.h"

namespace homeserver {

/// GET /user/{user}/rooms/{room}/tags, PUT and DELETE of one /{tag} below it. Tags are the room's account data of type `m.tag`;
/// on_account_data_updated isn't called for them.
void add_room_tag_endpoints(Router& router);

}  // namespace homeserver
