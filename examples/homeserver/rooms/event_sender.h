#pragma once

#include "events/notifier.h"
#include "events/room_store.h"
#include "events/signing_key.h"
#include "push/notified_members.h"
#include "rooms/draft.h"
#include "rooms/event_building.h"
#include "rooms/room_operation.h"
#include "rooms/room_states.h"
#include "rooms/room_turns.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/event.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>
#include <callbacks/users.h>

#include <async/clock.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

/// Sends this server's events into rooms. One a worker; thread: the worker's.
///
/// What check_event_allowed answers rests on the state that it is shown, and an event is stored on that state: if the state
/// changed meanwhile, the modules are asked again, about an event that is made on the new one. After two such tries the
/// operation takes the room's turn, and nobody changes the state before it is through. What a module sends into the room from
/// inside check_event_allowed is stored with the event that it was asked about, before it, or not at all.
class EventSender {
public:
    EventSender(modapi::Database& database, const async::clock& clock, const ServerName& server_name,
                const SigningKey& signing_key, callbacks::SpamCheckerDispatch& spam_checker,
                callbacks::ThirdPartyRulesDispatch& third_party_rules, Notifier& notifier, RoomTurns& room_turns) noexcept
        : database_(database),
          clock_(clock),
          server_name_(server_name),
          signing_key_(signing_key),
          spam_checker_(spam_checker),
          third_party_rules_(third_party_rules),
          notifier_(notifier),
          room_turns_(room_turns) {}

    /// Sends one event into an existing room, in the contract's order: build, check_event_allowed (which may replace it),
    /// check_event_for_spam (not for memberships), authorization, store; then, behind the answer, on_new_event on every worker.
    /// Who takes back an event sent it, or has the power level for that.
    ///
    /// The result is the stored event, or the one that was sent before: of the same transaction, or the current state that this
    /// one equals. Inside an open operation about the room it is one that the operation will store. Errors: SynapseError as a
    /// refusing module has it; 500 for a replacement of another room, type, state key or server, or without the parts of an
    /// event; 403 `M_FORBIDDEN` from the authorization rules and for a redaction that the sender may not make, 404 `M_NOT_FOUND`
    /// for one of an event that isn't in the room; 503 for a room that is too busy.
    [[nodiscard]] async::task<callbacks::Event> send(Draft draft);
    /// Sends an event that a client asks for; `act` is what a suspended user can't do by it, "send messages", empty: they can.
    /// Errors: those of `send`; SynapseError 401 `M_UNKNOWN_TOKEN` if the session that asks has ended meanwhile, 401
    /// `M_USER_LOCKED`, 403 `M_USER_SUSPENDED`.
    [[nodiscard]] async::task<callbacks::Event> send_for(callbacks::Requester requester, Draft draft, std::string act);
    /// Sends an event only while the state is what its draft expects, and what it was made of is so still; none: it isn't, and
    /// nothing was sent.
    [[nodiscard]] async::task<std::optional<callbacks::Event>> send_if_expected(Draft draft);
    /// Sends several events into one room, all or none, each on the state that those before it make; gives them in their order.
    [[nodiscard]] async::task<std::vector<callbacks::Event>> send_all(std::vector<Draft> drafts);

    /// The event that a draft becomes in a room with that head and state, made by this server and now.
    [[nodiscard]] callbacks::Event build(const Draft& draft, const RoomHead& head, const callbacks::StateMap& state) const;

    /// Asks check_event_allowed about an event inside `operation`; gives the event to go on with: the same, or what a module made
    /// of it. `shown` is the state that modules see.
    [[nodiscard]] async::task<callbacks::Event> allowed(RoomOperation& operation, callbacks::Event event,
                                                        std::shared_ptr<const callbacks::StateMap> shown);

    /// Whom events are new for.
    struct Hearers {
        Hearers(std::vector<std::string> named) : users(std::move(named)) {}
        std::vector<std::string> users;
        std::shared_ptr<const std::vector<std::string>> members;  ///< of the room; null: none but the users
    };
    /// Tells all workers of stored events, in their order: `state` is the one before them, `here` the chain that sent them.
    void announce(const async::context& here, const std::vector<callbacks::Event>& events,
                  std::shared_ptr<const callbacks::StateMap> state, Hearers hearers);

private:
    class Sending;

    [[nodiscard]] async::task<void> send(Sending& sending);
    [[nodiscard]] EventOrigin origin() const noexcept;

    modapi::Database& database_;
    const async::clock& clock_;
    const ServerName& server_name_;
    const SigningKey& signing_key_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    Notifier& notifier_;
    RoomTurns& room_turns_;
    RoomStates states_;
    NotifiedRooms notified_;  ///< of what is stored in turn
};

/// Throws 403 if the authorization rules refuse the event in that state.
void authorize(const callbacks::Event& event, const callbacks::StateMap& state);

}  // namespace homeserver
