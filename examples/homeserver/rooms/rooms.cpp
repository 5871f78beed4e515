#include "rooms.h"

#include "aliases.h"
#include "create_room.h"
#include "directory.h"
#include "membership.h"
#include "messages.h"
#include "read_markers.h"
#include "redaction.h"
#include "sync.h"

namespace homeserver {

void add_room_endpoints(Router& router) {
    add_create_room_endpoint(router);
    add_membership_endpoints(router);
    add_message_endpoints(router);
    add_redaction_endpoint(router);
    add_read_marker_endpoints(router);
    add_sync_endpoint(router);
    add_alias_endpoints(router);
    add_directory_endpoints(router);
}

}  // namespace homeserver
