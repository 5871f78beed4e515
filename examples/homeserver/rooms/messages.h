#pragma once

#include "http/router.h"

namespace homeserver {

/// Sending messages and state, and looking at a room's state, events and history.
void add_message_endpoints(Router& router);

}  // namespace homeserver
