#include "rooms/event_storing.h"

#include "events/auth_rules.h"
#include "events/power_levels.h"
#include "rooms/room_turns.h"

#include <utility>

namespace homeserver {

using callbacks::Event;
using callbacks::StateMap;
using modapi::Transaction;

namespace {

bool is_stored(Transaction& transaction, const std::string& event_id) {
    return transaction.query_one<std::int64_t>("SELECT 1 FROM events WHERE event_id = ?", event_id).has_value();
}

/// Whether other events may be in the state by now and all is still in order, without that anybody is asked again.
bool holds_on(StateMap state, const std::vector<PendingEvent>& events) {
    for (const PendingEvent& pending : events) {
        if (pending.expected && !is_as_expected(*pending.expected, state)) return false;
        if (pending.redacted_sender && !may_redact(pending.event, *pending.redacted_sender, state)) return false;
        if (refused(pending.event, state) || repeated(pending.event, state) != nullptr) return false;
        if (pending.event.is_state()) state.set(pending.event);
    }
    return true;
}

}  // namespace

const Event* repeated(const Event& event, const StateMap& state) {
    if (!event.is_state()) return nullptr;
    const Event* const current = state.find(event.type(), *event.state_key());
    const bool same = current != nullptr && current->sender() == event.sender() && current->content() == event.content();
    return same ? current : nullptr;
}

bool is_as_expected(const ExpectedState& expected, const StateMap& state) {
    const Event* const current = state.find(expected.type, expected.state_key);
    return expected.event_id ? current != nullptr && current->event_id() == expected.event_id : current == nullptr;
}

bool may_redact(const Event& redaction, const std::string& sender_of_redacted, const StateMap& state) {
    if (redaction.sender() == sender_of_redacted) return true;
    const PowerLevels levels(state);
    return levels.of_user(redaction.sender()) >= levels.to_redact();
}

Stored store_events(Transaction& transaction, const StoreOrder& order, const EventOrigin& origin) {
    Stored stored;
    for (const PendingEvent& pending : order.events) {
        if (!pending.transaction) continue;
        stored.sent_before = event_of_transaction(transaction, order.room_id, *pending.transaction);
        if (stored.sent_before) return stored;
    }
    std::optional<RoomHead> head = find_head(transaction, order.room_id);
    if (!head) return stored;
    stored.outdated = find_outdated(transaction, order.events);
    if (stored.outdated) return stored;
    if (changes_state(order.events)) {
        stored.room_is_taken = room_has_turn_of_another(transaction, order.room_id, order.holder, origin.now_ms);
        if (stored.room_is_taken) return stored;
    }
    const std::shared_ptr<const StateMap> state = order.states->get(transaction, order.room_id, head->state_version);
    if (head->state_version != order.state_version) {
        // Others were faster. What nobody judged on that, and the rules allow after them too, needs no second judgement.
        stored.newer_state = state;
        if (!order.judged.holds_on(*stored.newer_state)) return stored;
        if (!holds_on(*stored.newer_state, order.events)) return stored;
    }
    // Who says the same twice in a millisecond, on the same snapshot, makes one event of it: its id is a hash of all it says.
    std::vector<PendingEvent> events = order.events;
    for (PendingEvent& pending : events) {
        if (!is_stored(transaction, *pending.event.event_id())) continue;
        if (events.size() > 1) return stored;
        pending.event = moved_behind(origin, *head, pending.event);
        stored.moved = pending.event;
    }
    NotifiedMembers& members = order.notified->get(order.room_id, state);
    stored.users = append_events(transaction, events, *head, *state, &members);
    stored.members = members.joined();
    stored.is_stored = true;
    return stored;
}

}  // namespace homeserver
