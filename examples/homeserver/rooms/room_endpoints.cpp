#include "rooms/room_endpoints.h"

#include "rooms/aliases.h"
#include "rooms/create_room.h"
#include "rooms/directory.h"
#include "rooms/membership.h"
#include "rooms/messages.h"
#include "rooms/read_markers.h"
#include "rooms/redaction.h"

namespace homeserver {

void add_room_endpoints(Router& router) {
    add_create_room_endpoint(router);
    add_membership_endpoints(router);
    add_message_endpoints(router);
    add_redaction_endpoint(router);
    add_read_marker_endpoints(router);
    add_alias_endpoints(router);
    add_directory_endpoints(router);
}

}  // namespace homeserver
