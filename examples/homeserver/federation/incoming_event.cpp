#include "federation/incoming_event.h"

#include "events/auth_rules.h"
#include "events/room_store.h"
#include "events/stream.h"
#include "federation/soft_failed_events.h"
#include "rooms/appended_event.h"
#include "rooms/event_sender.h"
#include "rooms/judged_state.h"
#include "rooms/judged_write.h"
#include "rooms/room_operation.h"

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <cstdint>
#include <memory>
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
    RoomHead head;
    StateMap state;
};

Destination find_destination(Transaction& transaction, const Event& event) {
    Destination found;
    std::optional<RoomHead> head = find_head(transaction, event.room_id());
    found.room_is_known = head.has_value();
    if (!found.room_is_known) return found;
    found.head = std::move(*head);
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

struct TakeOrder {
    explicit TakeOrder(EvaluatedPdu taken) : evaluated(std::move(taken)) {}

    EvaluatedPdu evaluated;
    std::vector<PendingEvent> others;  ///< that modules made for it
    std::int64_t state_version = 0;
    JudgedState judged;
    std::string holder;  ///< of the room's turn; empty: not this one
    std::int64_t now_ms = 0;
};

/// What storing came to.
struct Taken {
    bool is_known = false;  ///< another request has stored it meanwhile
    bool room_is_taken = false;
    bool is_stored = false;          ///< if nothing else is true: what it rests on changed meanwhile
    StateMap before;                 ///< the state that it was stored on
    std::vector<std::string> users;  ///< who is to be woken
};

/// Errors: SynapseError 403 if the room's newer state doesn't allow it.
Taken take_event(Transaction& transaction, const TakeOrder& order) {
    const Event& event = order.evaluated.event;
    Taken taken;
    taken.is_known = is_known(transaction, event.room_id(), *event.event_id());
    if (taken.is_known) return taken;
    taken.room_is_taken = (event.is_state() || changes_state(order.others)) &&
                          room_has_turn_of_another(transaction, event.room_id(), order.holder, order.now_ms);
    if (taken.room_is_taken || find_outdated(transaction, order.others)) return taken;
    std::optional<RoomHead> head = find_head(transaction, event.room_id());
    if (!head) return taken;
    StateMap state = current_state(transaction, event.room_id());
    if (head->state_version != order.state_version && !order.judged.holds_on(state)) return taken;
    taken.before = state;
    for (const PendingEvent& other : order.others) {
        authorize(other.event, state);
        if (other.event.is_state()) state.set(other.event);
    }
    authorize(event, state);
    taken.is_stored = true;
    taken.users = append_events(transaction, order.others, *head, taken.before);
    if (order.evaluated.soft_failed) {
        store_soft_failed(transaction, event);
        return taken;
    }
    if (event.is_state()) state.set(event);
    append_event(transaction, event, next_stream_position(transaction), std::nullopt, *head, state);
    add_joined(state, taken.users);
    if (event.membership()) taken.users.push_back(*event.state_key());
    return taken;
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

/// An event of another server on its way into a room.
class IncomingEvents::Taking final : public JudgedWrite {
public:
    Taking(IncomingEvents& incoming, EvaluatedPdu evaluated) : incoming_(incoming), evaluated_(std::move(evaluated)) {}

    /// The room's state before the event.
    [[nodiscard]] StateMap& before() noexcept { return before_; }

    [[nodiscard]] async::task<void> judge(RoomOperation& operation) override;
    [[nodiscard]] async::task<void> store(RoomOperation& operation, std::string holder) override;

private:
    IncomingEvents& incoming_;
    EvaluatedPdu evaluated_;
    StateMap before_;
    std::int64_t state_version_ = 0;
};

async::task<void> IncomingEvents::Taking::judge(RoomOperation& operation) {
    const Event& event = evaluated_.event;
    Destination to = co_await incoming_.database_.read("find_destination", &find_destination, event);
    if (!to.room_is_known) throw SynapseError(404, "Room " + event.room_id() + " is not known here", Codes::NOT_FOUND);
    before_ = to.state;
    is_through_ = to.event_is_known;
    if (is_through_) co_return;
    if (to.unknown) throw SynapseError(403, "Event " + *to.unknown + " is not known here", Codes::FORBIDDEN);
    authorize(event, to.state);
    state_version_ = to.head.state_version;
    operation.begin(std::move(to.head), std::make_shared<const StateMap>(std::move(to.state)));
    const std::shared_ptr<const StateMap> shown = operation.state();
    async::task<callbacks::EventDecision> asking = incoming_.third_party_rules_.check_event_allowed(event, *shown);
    const callbacks::EventDecision decision = co_await std::move(asking).in(operation.here());
    require_allowed(decision, event);
}

async::task<void> IncomingEvents::Taking::store(RoomOperation& operation, std::string holder) {
    TakeOrder order(evaluated_);
    order.others = operation.events();
    order.state_version = state_version_;
    order.judged = JudgedState(incoming_.third_party_rules_, operation.state_before());
    order.holder = std::move(holder);
    order.now_ms = incoming_.clock_.wall_time_ms();
    Taken taken = co_await incoming_.database_.run_in_turn("store_incoming_event", &take_event, std::move(order));
    room_is_taken_ = taken.room_is_taken;
    is_through_ = taken.is_known || taken.is_stored;
    if (!taken.is_stored) co_return;
    std::vector<Event> events;
    for (const PendingEvent& other : operation.events()) events.push_back(other.event);
    events.push_back(evaluated_.event);
    const async::context& here = co_await async::this_context;
    incoming_.event_sender_.announce(here, events, std::make_shared<const StateMap>(std::move(taken.before)),
                                      std::move(taken.users));
}

async::task<StateMap> IncomingEvents::take_into_room(EvaluatedPdu evaluated) {
    const async::context& here = co_await async::this_context;
    RoomOperation operation(here, evaluated.event.room_id());
    Taking taking(*this, std::move(evaluated));
    co_await judge_and_store(room_turns_, operation, taking);
    co_return std::move(taking.before());
}

}  // namespace homeserver
