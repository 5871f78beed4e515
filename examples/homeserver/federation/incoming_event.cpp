#include "federation/incoming_event.h"

#include "events/auth_rules.h"
#include "events/room_store.h"
#include "federation/soft_failed_events.h"
#include "rooms/appended_event.h"
#include "rooms/event_sender.h"

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonValue;
using callbacks::StateMap;
using callbacks::SynapseError;
using modapi::Transaction;

bool is_known(Transaction& transaction, const std::string& room_id, const std::string& event_id) {
    return find_event(transaction, room_id, event_id).has_value() || is_soft_failed(transaction, room_id, event_id);
}

/// The state of a room before an event that is known there.
StateMap state_before(Transaction& transaction, const Event& event) {
    const std::optional<StoredEvent> stored = find_event(transaction, event.room_id(), *event.event_id());
    if (!stored) return current_state(transaction, event.room_id());  // soft-failed: it has no place among the others
    StateMap state;
    for (const StoredEvent& each : state_at(transaction, event.room_id(), stored->position - 1, 0)) state.set(each.event);
    return state;
}

/// Where an event is to go.
struct Destination {
    bool room_is_known = false;
    bool event_is_known = false;
    std::optional<std::string> unknown;  ///< an event that it refers to
    StateMap state;
};

Destination find_destination(Transaction& transaction, const Event& event) {
    Destination found;
    found.room_is_known = find_head(transaction, event.room_id()).has_value();
    if (!found.room_is_known) return found;
    found.event_is_known = is_known(transaction, event.room_id(), *event.event_id());
    if (found.event_is_known) {
        found.state = state_before(transaction, event);
        return found;
    }
    for (const char* const key : {"auth_events", "prev_events"}) {
        for (const JsonValue& reference : event.other().at(key).get_array()) {
            const std::string event_id(reference.get_string());
            if (!is_known(transaction, event.room_id(), event_id)) found.unknown = event_id;
        }
    }
    found.state = current_state(transaction, event.room_id());
    return found;
}

void require_allowed(const callbacks::EventDecision& decision, const Event& event) {
    if (!decision.allowed()) throw SynapseError(403, "This event is not allowed in this context", Codes::FORBIDDEN);
    if (!decision.replacement()) return;
    spdlog::warn("a module's replacement of event {} is ignored: it came from another server", *event.event_id());
}

/// What storing came to: the state with the event, and who is to be woken.
struct StoredIncoming {
    StateMap state;
    std::vector<std::string> users;
};

/// None: another request has stored it meanwhile. Errors: SynapseError 403 if the room's newer state doesn't allow it.
std::optional<StoredIncoming> store(Transaction& transaction, const EvaluatedPdu& evaluated) {
    const Event& event = evaluated.event;
    if (is_known(transaction, event.room_id(), *event.event_id())) return std::nullopt;
    StoredIncoming stored;
    stored.state = current_state(transaction, event.room_id());
    authorize(event, stored.state);
    if (evaluated.soft_failed) {
        store_soft_failed(transaction, event);
        return stored;
    }
    append_event(transaction, event, std::nullopt);
    if (event.is_state()) stored.state.set(event);
    stored.users = users_with_membership(transaction, event.room_id(), "join");
    if (event.membership()) stored.users.push_back(*event.state_key());
    return stored;
}

}  // namespace

async::task<ArrivedPdu> IncomingEvents::arrive(const ReceivedPdu& received) {
    const Event event = event_of(received);
    ArrivedPdu arrived;
    arrived.turn = co_await turns_.take("arrival of " + *event.event_id());
    arrived.is_known = co_await database_.read("is_known_event", &is_known, event.room_id(), *event.event_id());
    co_return arrived;
}

async::task<EvaluatedPdu> IncomingEvents::evaluated(ReceivedPdu received) {
    EvaluatedPdu evaluated{event_of(received)};
    if (received.hash_is_wrong) co_return evaluated;
    const callbacks::Verdict verdict = co_await spam_checker_.check_event_for_spam(evaluated.event);
    evaluated.soft_failed = verdict.is_spam();
    if (evaluated.soft_failed) evaluated.event = pruned_event_of(received);
    co_return evaluated;
}

async::task<StateMap> IncomingEvents::take_into_room(EvaluatedPdu evaluated) {
    const Event& event = evaluated.event;
    Destination to = co_await database_.read("find_destination", &find_destination, event);
    if (!to.room_is_known) throw SynapseError(404, "Room " + event.room_id() + " is not known here", Codes::NOT_FOUND);
    if (to.event_is_known) co_return std::move(to.state);
    if (to.unknown) throw SynapseError(403, "Event " + *to.unknown + " is not known here", Codes::FORBIDDEN);
    authorize(event, to.state);
    const callbacks::EventDecision decision = co_await third_party_rules_.check_event_allowed(event, to.state);
    require_allowed(decision, event);
    std::optional<StoredIncoming> stored = co_await database_.run("store_incoming_event", &store, evaluated);
    if (stored) event_sender_.announce(event, stored->state, std::move(stored->users));
    co_return std::move(to.state);
}

}  // namespace homeserver
