#pragma once

#include "accounts/shared_turns.h"
#include "federation/received_pdu.h"
#include "rooms/event_sender.h"
#include "rooms/room_turns.h"

#include <modapi/database.h>

#include <callbacks/event.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>

#include <async/clock.h>
#include <async/task.h>

namespace homeserver {

/// An event of another server, and whether modules let anybody see it.
struct EvaluatedPdu {
    callbacks::Event event;
    bool soft_failed = false;
};

/// An event that another server has sent, while this server deals with it.
struct ArrivedPdu {
    SharedTurns::Turn turn;       ///< whoever delivers the event as well waits for its end
    bool is_known = false;  ///< it is here already: modules have been asked about it
};

/// Takes other servers' events into rooms. One a worker; thread: the worker's.
class IncomingEvents {
public:
    IncomingEvents(modapi::Database& database, const async::clock& clock, callbacks::SpamCheckerDispatch& spam_checker,
                   callbacks::ThirdPartyRulesDispatch& third_party_rules, EventSender& event_sender, RoomTurns& room_turns,
                   SharedTurns& turns) noexcept
        : database_(database),
          clock_(clock),
          spam_checker_(spam_checker),
          third_party_rules_(third_party_rules),
          event_sender_(event_sender),
          room_turns_(room_turns),
          turns_(turns) {}

    /// Begins with an event, before any module is asked about it; what is returned is kept until it is stored. Other servers
    /// repeat events, at once too: a later delivery waits, and finds it known. `received` isn't refused.
    [[nodiscard]] async::task<ArrivedPdu> arrive(const ReceivedPdu& received);

    /// Asks check_event_for_spam about an event that came from another server; what is rejected is pruned and soft-failed. An
    /// event whose hash is wrong isn't asked about. `received` isn't refused.
    [[nodiscard]] async::task<EvaluatedPdu> evaluated(ReceivedPdu received);

    /// Takes an event into its room: known auth and prev events, authorization, check_event_allowed, storing, on_new_event. One
    /// that is here already changes nothing. Gives the room's state before the event. What modules send into the room from
    /// inside check_event_allowed is stored with it, before it, or not at all.
    ///
    /// Errors: SynapseError 403 or 404 for what isn't taken, 503 for a room that is too busy; what check_event_allowed throws.
    [[nodiscard]] async::task<callbacks::StateMap> take_into_room(EvaluatedPdu evaluated);

private:
    class Taking;

    modapi::Database& database_;
    const async::clock& clock_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    EventSender& event_sender_;
    RoomTurns& room_turns_;
    SharedTurns& turns_;
};

}  // namespace homeserver
