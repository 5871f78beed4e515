#pragma once

#include "federation/received_pdu.h"
#include "process/server_worker.h"

#include <callbacks/event.h>

#include <async/task.h>

namespace homeserver {

/// An event of another server, and whether modules let anybody see it.
struct JudgedEvent {
    callbacks::Event event;
    bool soft_failed = false;
};

/// Asks check_event_for_spam about an event that came from another server; what is rejected is pruned and soft-failed. An event
/// whose hash is wrong isn't asked about. `received` isn't refused.
[[nodiscard]] async::task<JudgedEvent> judged_for_spam(ServerWorker& worker, ReceivedPdu received);

/// Takes an event into its room: known auth and prev events, authorization, check_event_allowed, storing, on_new_event. One
/// that is here already changes nothing. Gives the room's state before the event.
///
/// Errors: SynapseError 403 or 404 for what isn't taken; what check_event_allowed throws.
[[nodiscard]] async::task<callbacks::StateMap> take_into_room(ServerWorker& worker, JudgedEvent judged);

}  // namespace homeserver
