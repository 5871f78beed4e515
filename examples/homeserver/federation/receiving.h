#pragma once

#include "http/router.h"

namespace homeserver {

/// PUT /_matrix/federation/v1/send/{txn}: what other servers push. Per event: form, signature and hash → check_event_for_spam
/// (a rejection prunes and soft-fails it; not asked about an event whose hash is wrong) → should_drop_federated_event (drops
/// it, and says nothing) → known auth and prev events → the authorization rules in the room's current state →
/// check_event_allowed → stored → on_new_event. Events are taken in their order; one that is refused doesn't keep the others
/// out.
void add_receiving_endpoint(Router& router);

}  // namespace homeserver
