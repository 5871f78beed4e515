#include "rooms/event_storing.h"

#include "events/auth_rules.h"
#include "events/power_levels.h"
#include "rooms/room_turns.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

using callbacks::Event;
using callbacks::StateMap;
using modapi::Transaction;

namespace {

/// What is to be known of some events before they are stored, asked for in one message.
class Before {
public:
    Before(Transaction& transaction, const StoreOrder& order) : position(transaction), head_(transaction, order.room_id) {
        for (const PendingEvent& pending : order.events) {
            if (pending.transaction) sent_.emplace_back(transaction, order.room_id, *pending.transaction);
            stored_.push_back(
                transaction.query_later<std::int64_t>("SELECT 1 FROM events WHERE event_id = ?", *pending.event.event_id()));
        }
        outdated = find_outdated(transaction, order.events);
    }
    /// Event of the first of the transactions that came before.
    [[nodiscard]] std::optional<std::string> take_sent() {
        for (LaterEventOfTransaction& sent : sent_) {
            if (std::optional<std::string> event_id = sent.take()) return event_id;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::optional<RoomHead> take_head() { return head_.take(); }
    /// Whether an event of that id is there already.
    [[nodiscard]] bool take_stored(std::size_t index) { return !stored_[index].take().empty(); }

    LaterStreamPosition position;
    std::optional<std::string> outdated;  ///< an event that was made of what doesn't hold any more

private:
    LaterHead head_;
    std::vector<LaterEventOfTransaction> sent_;
    std::vector<modapi::LaterRows<std::int64_t>> stored_;
};

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
    Before before(transaction, order);
    stored.sent_before = before.take_sent();
    if (stored.sent_before) return stored;
    std::optional<RoomHead> head = before.take_head();
    if (!head) return stored;
    stored.outdated = std::move(before.outdated);
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
    std::vector<PendingEvent> moved;
    for (std::size_t index = 0; index < order.events.size(); ++index) {
        if (!before.take_stored(index)) continue;
        if (order.events.size() > 1) return stored;
        moved = order.events;
        PendingEvent& only = moved.front();
        only.event = moved_behind(origin, *head, only.event);
        stored.moved = only.event;
    }
    NotifiedMembers& members = order.notified->get(order.room_id, state);
    stored.users = append_events(transaction, stored.moved ? moved : order.events, *head, *state, &members, &before.position);
    stored.members = members.joined();
    stored.is_stored = true;
    return stored;
}

}  // namespace homeserver
