#include "rooms/event_sender.h"

#include "events/auth_rules.h"
#include "events/event_format.h"
#include "events/signing_key.h"
#include "http/requests.h"
#include "rooms/appended_event.h"
#include "text/server_name.h"

#include <callbacks/errors.h>
#include <callbacks/storable_json.h>

#include <algorithm>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::StateMap;
using callbacks::SynapseError;
using modapi::Transaction;

constexpr int max_attempts = 5;

/// What an event is built and judged on.
struct Snapshot {
    RoomHead head;
    StateMap state;
    std::optional<std::string> sent_before;
};

std::optional<Snapshot> take_snapshot(Transaction& transaction, const Draft& draft) {
    std::optional<RoomHead> head = find_head(transaction, draft.room_id);
    if (!head) return std::nullopt;
    Snapshot snapshot;
    snapshot.head = std::move(*head);
    snapshot.state = current_state(transaction, draft.room_id);
    if (draft.transaction) snapshot.sent_before = event_of_transaction(transaction, draft.room_id, *draft.transaction);
    return snapshot;
}

/// The state event that this one would only repeat; null if it says something new.
const Event* repeated(const Event& event, const StateMap& state) {
    if (!event.is_state()) return nullptr;
    const Event* const current = state.find(event.type(), *event.state_key());
    const bool same = current != nullptr && current->sender() == event.sender() && current->content() == event.content();
    return same ? current : nullptr;
}

struct Outcome {
    bool stored = false;                     ///< false: the room's state changed since the snapshot, and it matters
    std::optional<std::string> sent_before;  ///< the same request came twice at once
    std::optional<StateMap> newer_state;     ///< what the event was stored on, if it isn't the snapshot's
    std::optional<Event> moved;              ///< what was stored instead: the same behind newer events
    std::vector<std::string> users;          ///< who is to be woken
};

bool is_stored(Transaction& transaction, const std::string& event_id) {
    return transaction.query_one<std::int64_t>("SELECT 1 FROM events WHERE event_id = ?", event_id).has_value();
}

/// An event whose PDU was changed: hashes, signatures and id are made of what it says now.
Event signed_anew(JsonDict pdu, const SigningKey& key, const std::string& server_name, JsonDict unsigned_fields) {
    pdu.erase("hashes");
    pdu.erase("signatures");
    hash_and_sign(pdu, key, server_name);
    return event_from_pdu(pdu, event_id_of(pdu), std::move(unsigned_fields));
}

/// The same event behind what the room ends with by now.
Event moved_behind(const RoomHead& head, const Event& event, const SigningKey& key, const std::string& server_name) {
    JsonDict pdu = pdu_from_event(event);
    pdu["depth"] = depth_after(head);
    pdu["prev_events"] = JsonArray(head.extremities.begin(), head.extremities.end());
    return signed_anew(std::move(pdu), key, server_name, event.unsigned_fields());
}

Outcome store(Transaction& transaction, const Event& event, std::int64_t state_version,
              const std::optional<SentTransaction>& sent, const SigningKey* key, const std::string& server_name) {
    Outcome outcome;
    if (sent) outcome.sent_before = event_of_transaction(transaction, event.room_id(), *sent);
    if (outcome.sent_before) return outcome;
    const std::optional<RoomHead> head = find_head(transaction, event.room_id());
    if (!head) return outcome;
    if (head->state_version != state_version) {
        // Others were faster. What the rules allow after them too needs no second judgement: a crowd that joins gets in.
        StateMap now = current_state(transaction, event.room_id());
        if (refused(event, now) || repeated(event, now) != nullptr) return outcome;
        outcome.newer_state = std::move(now);
    }
    // Who says the same twice in a millisecond, on the same snapshot, makes one event of it: its id is a hash of all it says.
    if (is_stored(transaction, *event.event_id())) outcome.moved = moved_behind(*head, event, *key, server_name);
    append_event(transaction, outcome.moved ? *outcome.moved : event, sent);
    outcome.stored = true;
    outcome.users = users_with_membership(transaction, event.room_id(), "join");
    if (event.membership()) outcome.users.push_back(*event.state_key());
    return outcome;
}

std::string not_in_room(const Draft& draft) { return "User " + draft.sender + " not in room " + draft.room_id; }

std::string string_part(const JsonDict& replacement, std::string_view key) {
    const JsonValue* const value = replacement.if_contains(key);
    if (value == nullptr || !value->is_string()) {
        throw callbacks::ModuleFailed("the replacement event's '" + std::string(key) + "' is missing or no string");
    }
    return std::string(value->get_string());
}

Event unchecked_replacement(const ServerName& server_name, const SigningKey& signing_key, EventSender& event_sender,
                            const Event& original, const JsonDict& replacement, const RoomHead& head, const StateMap& state) {
    Draft draft;
    draft.room_id = string_part(replacement, "room_id");
    draft.type = string_part(replacement, "type");
    draft.sender = string_part(replacement, "sender");
    if (replacement.contains("state_key")) draft.state_key = string_part(replacement, "state_key");
    if (draft.room_id != original.room_id() || draft.type != original.type() || draft.state_key != original.state_key()) {
        throw callbacks::ModuleFailed("the replacement event has another room, type or state key than the original");
    }
    if (!server_name.owns(draft.sender)) throw callbacks::ModuleFailed("the replacement event's sender is of another server");
    const JsonValue* const content = replacement.if_contains("content");
    if (content == nullptr || !content->is_object())
        throw callbacks::ModuleFailed("the replacement event's content is no object");
    draft.content = content->get_object();
    draft.redacts = original.redacts();

    const Event built = event_sender.build(draft, head, state);
    JsonDict pdu = pdu_from_event(built);
    const JsonValue* const time = replacement.if_contains("origin_server_ts");
    pdu["origin_server_ts"] = time != nullptr && time->is_int64() ? *time : JsonValue(original.origin_server_ts());
    JsonDict unsigned_fields;
    const JsonValue* const given = replacement.if_contains("unsigned");
    if (given != nullptr && given->is_object()) unsigned_fields = given->get_object();
    callbacks::require_storable(unsigned_fields);
    return signed_anew(std::move(pdu), signing_key, server_name.text(), std::move(unsigned_fields));
}

/// The event that a module put in the place of `original`, of the same room, type and state key. Ids, hashes, signatures and
/// references are made anew.
Event rebuilt(const ServerName& server_name, const SigningKey& signing_key, EventSender& event_sender, const Event& original,
              const JsonDict& replacement, const RoomHead& head, const StateMap& state) {
    try {
        return unchecked_replacement(server_name, signing_key, event_sender, original, replacement, head, state);
    } catch (const SynapseError& error) {
        if (error.status() != 400) throw;
        // Of a client's event that is the client's mistake; this one the module made.
        throw callbacks::ModuleFailed(std::string("the replacement event can't be sent: ") + error.what());
    }
}

}  // namespace

Event build_event(const EventOrigin& origin, const Draft& draft, const RoomHead& head, const StateMap& state) {
    JsonDict pdu;
    pdu["room_id"] = draft.room_id;
    pdu["type"] = draft.type;
    pdu["sender"] = draft.sender;
    if (draft.state_key) pdu["state_key"] = *draft.state_key;
    if (draft.redacts) pdu["redacts"] = *draft.redacts;
    pdu["content"] = draft.content;
    pdu["origin_server_ts"] = origin.now_ms;
    pdu["depth"] = depth_after(head);
    pdu["prev_events"] = JsonArray(head.extremities.begin(), head.extremities.end());
    JsonArray authorized_by;
    for (const StateMap::Key& key : auth_event_keys(event_from_pdu(pdu, std::string(), JsonDict()))) {
        const Event* const event = state.find(key.first, key.second);
        if (event != nullptr) authorized_by.emplace_back(event->event_id().value());
    }
    pdu["auth_events"] = std::move(authorized_by);
    callbacks::require_storable(pdu);
    hash_and_sign(pdu, origin.signing_key, origin.server_name);
    return event_from_pdu(pdu, event_id_of(pdu), JsonDict());
}

Event EventSender::build(const Draft& draft, const RoomHead& head, const StateMap& state) {
    const EventOrigin origin{signing_key_, server_name_.text(), clock_.wall_time_ms()};
    return build_event(origin, draft, head, state);
}

async::task<Event> EventSender::allowed(Event event, const RoomHead& head, const StateMap& state) {
    if (third_party_rules_.check_event_allowed.empty()) co_return event;
    const callbacks::EventDecision decision = co_await third_party_rules_.check_event_allowed(event, state);
    if (!decision.allowed()) throw SynapseError(403, "This event is not allowed in this context", Codes::FORBIDDEN);
    if (!decision.replacement()) co_return event;
    co_return rebuilt(server_name_, signing_key_, *this, event, *decision.replacement(), head, state);
}

void authorize(const Event& event, const StateMap& state) {
    const std::optional<std::string> refusal = refused(event, state);
    if (refusal) throw SynapseError(403, *refusal, Codes::FORBIDDEN);
}

void EventSender::announce(const Event& event, const StateMap& state, std::vector<std::string> users) {
    News news;
    news.event = event;
    if (!third_party_rules_.on_new_event.empty()) news.state = std::make_shared<const StateMap>(state);
    news.users = std::move(users);
    notifier_.publish(news);
}

async::task<Event> EventSender::send(Draft draft) {
    for (int attempt = 0; attempt < max_attempts; ++attempt) {
        std::optional<Snapshot> snapshot = co_await database_.read("event_snapshot", &take_snapshot, draft);
        if (!snapshot) throw SynapseError(403, not_in_room(draft), Codes::FORBIDDEN);
        std::optional<std::string> sent_before = snapshot->sent_before;
        if (!sent_before) {
            const bool is_membership = draft.type == "m.room.member";
            // Who isn't in the room learns nothing of it, and no module is asked.
            const Event* const own = snapshot->state.find("m.room.member", draft.sender);
            if (!is_membership && (own == nullptr || own->membership() != "join")) {
                throw SynapseError(403, not_in_room(draft), Codes::FORBIDDEN);
            }
            const Event built = build(draft, snapshot->head, snapshot->state);
            const Event event = co_await allowed(built, snapshot->head, snapshot->state);
            if (!is_membership) {
                const callbacks::Verdict verdict = co_await spam_checker_.check_event_for_spam(event);
                deny_if_spam(verdict, "This message had been rejected as probable spam");
            }
            authorize(event, snapshot->state);
            const Event* const same = repeated(event, snapshot->state);
            if (same != nullptr) co_return *same;
            Outcome outcome = co_await database_.run_in_turn("store_event", &store, event, snapshot->head.state_version,
                                                             draft.transaction, &signing_key_, server_name_.text());
            if (outcome.stored) {
                const Event stored = outcome.moved.value_or(event);
                StateMap& state = outcome.newer_state ? *outcome.newer_state : snapshot->state;
                if (stored.is_state()) state.set(stored);
                announce(stored, state, std::move(outcome.users));
                co_return stored;
            }
            sent_before = outcome.sent_before;
        }
        if (sent_before) {
            const std::optional<StoredEvent> found =
                co_await database_.read("find_event", &find_event, draft.room_id, *sent_before);
            co_return found.value().event;
        }
    }
    throw SynapseError(503, "The room's state changes too often to send this event; try again");
}

}  // namespace homeserver
