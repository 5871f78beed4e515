#include "rooms.h"

#include "create_room.h"
#include "membership.h"
#include "messages.h"
#include "sync.h"

namespace homeserver {

void add_room_endpoints(Router& router) {
    add_create_room_endpoint(router);
    add_membership_endpoints(router);
    add_message_endpoints(router);
    add_sync_endpoint(router);
}

}  // namespace homeserver
