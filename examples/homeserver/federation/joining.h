#pragma once

#include "http/router.h"

namespace homeserver {

/// GET /_matrix/federation/v1/make_join/{room}/{user} and PUT /_matrix/federation/v2/send_join/{room}/{event}: how another
/// server's user joins a room of this one. check_event_allowed judges the template that make_join hands out; what comes back
/// passes check_event_for_spam, the authorization rules and check_event_allowed, and on_new_event follows.
void add_joining_endpoints(Router& router);

}  // namespace homeserver
