#pragma once

#include "http/router.h"

namespace homeserver {

/// PUT /_matrix/federation/v2/invite/{room}/{event}: another server invites one of this server's users. should_drop_federated_event is
/// asked first, whoever has signed it; then, of one that is signed and new, check_event_for_spam, federated_user_may_invite and
/// user_may_invite, before the event is looked at closer. A rejected event is pruned, a rejected or dropped invitation refused.
void add_inviting_endpoint(Router& router);

}  // namespace homeserver
