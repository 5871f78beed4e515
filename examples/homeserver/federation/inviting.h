#pragma once

#include "http/router.h"

namespace homeserver {

/// PUT /_matrix/federation/v2/invite/{room}/{event}: another server invites one of this server's users. check_event_for_spam
/// and then user_may_invite are asked before the event is looked at closer; a rejected event is pruned, a rejected invitation
/// refused.
void add_inviting_endpoint(Router& router);

}  // namespace homeserver
