#include "rooms/event_building.h"

#include "events/auth_rules.h"
#include "events/event_format.h"

#include <callbacks/errors.h>
#include <callbacks/storable_json.h>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::StateMap;
using callbacks::SynapseError;

/// An event whose PDU was changed: hashes, signatures and id are made of what it says now.
Event signed_anew(const EventOrigin& origin, JsonDict pdu, JsonDict unsigned_fields) {
    pdu.erase("hashes");
    pdu.erase("signatures");
    std::string event_id = hash_and_sign(pdu, origin.signing_key, origin.server_name.text());
    return event_from_pdu(std::move(pdu), std::move(event_id), std::move(unsigned_fields));
}

std::string string_part(const JsonDict& replacement, std::string_view key) {
    const JsonValue* const value = replacement.if_contains(key);
    if (value == nullptr || !value->is_string()) {
        throw callbacks::ModuleFailed("the replacement event's '" + std::string(key) + "' is missing or no string");
    }
    return std::string(value->get_string());
}

Event unchecked_replacement(const EventOrigin& origin, const Event& original, const JsonDict& replacement, const RoomHead& head,
                            const StateMap& state) {
    Draft draft;
    draft.room_id = string_part(replacement, "room_id");
    draft.type = string_part(replacement, "type");
    draft.sender = string_part(replacement, "sender");
    if (replacement.contains("state_key")) draft.state_key = string_part(replacement, "state_key");
    if (draft.room_id != original.room_id() || draft.type != original.type() || draft.state_key != original.state_key()) {
        throw callbacks::ModuleFailed("the replacement event has another room, type or state key than the original");
    }
    if (!origin.server_name.owns(draft.sender))
        throw callbacks::ModuleFailed("the replacement event's sender is of another server");
    const JsonValue* const content = replacement.if_contains("content");
    if (content == nullptr || !content->is_object())
        throw callbacks::ModuleFailed("the replacement event's content is no object");
    draft.content = content->get_object();
    draft.redacts = original.redacts();

    const Event built = build_event(origin, draft, head, state);
    JsonDict pdu = pdu_from_event(built);
    const JsonValue* const time = replacement.if_contains("origin_server_ts");
    pdu["origin_server_ts"] = time != nullptr && time->is_int64() ? *time : JsonValue(original.origin_server_ts());
    JsonDict unsigned_fields;
    const JsonValue* const given = replacement.if_contains("unsigned");
    if (given != nullptr && given->is_object()) unsigned_fields = given->get_object();
    callbacks::require_storable(unsigned_fields);
    return signed_anew(origin, std::move(pdu), std::move(unsigned_fields));
}

/// At most twenty events that an event follows, the newest first. Of more than that the newest ten, and ten that come out by
/// what it says: many events that are built at once, on the same head, name different ones, so that none is left that nobody
/// ever names.
JsonArray references_to(const RoomHead& head, const JsonDict& says, std::string_view transaction_id) {
    constexpr std::size_t max_followed = 20;
    constexpr std::ptrdiff_t newest = 10;
    const std::vector<std::string>& all = head.extremities;
    if (all.size() <= max_followed) return JsonArray(all.rbegin(), all.rend());
    const std::string text = boost::json::serialize(says).append(transaction_id);
    std::minstd_rand draws(static_cast<std::minstd_rand::result_type>(std::hash<std::string>()(text)));
    std::vector<std::string_view> followed;
    followed.reserve(max_followed);
    std::sample(all.begin(), all.end() - newest, std::back_inserter(followed), max_followed - newest, draws);
    followed.insert(followed.end(), all.end() - newest, all.end());
    return JsonArray(followed.rbegin(), followed.rend());
}

/// What the rules look at to find what an event is authorized by.
Event as_it_is_authorized(const Draft& draft) {
    callbacks::EventFields fields;
    fields.room_id = draft.room_id;
    fields.type = draft.type;
    fields.sender = draft.sender;
    fields.state_key = draft.state_key;
    if (draft.type == "m.room.member") fields.content = draft.content;
    return Event(std::move(fields));
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
    pdu["origin_server_ts"] = draft.origin_server_ts.value_or(origin.now_ms);
    pdu["depth"] = depth_after(head);
    pdu["prev_events"] = references_to(head, pdu, draft.transaction ? draft.transaction->transaction_id : std::string_view());
    JsonArray authorized_by;
    for (const StateMap::Key& key : auth_event_keys(as_it_is_authorized(draft))) {
        const Event* const event = state.find(key.first, key.second);
        if (event != nullptr) authorized_by.emplace_back(event->event_id().value());
    }
    pdu["auth_events"] = std::move(authorized_by);
    callbacks::require_storable(pdu);
    std::string event_id = hash_and_sign(pdu, origin.signing_key, origin.server_name.text());
    return event_from_pdu(std::move(pdu), std::move(event_id), JsonDict());
}

Event build_replacement(const EventOrigin& origin, const Event& original, const JsonDict& replacement, const RoomHead& head,
                        const StateMap& state) {
    try {
        return unchecked_replacement(origin, original, replacement, head, state);
    } catch (const SynapseError& error) {
        if (error.status() != 400) throw;
        // Of a client's event that is the client's mistake; this one the module made.
        throw callbacks::ModuleFailed(std::string("the replacement event can't be sent: ") + error.what());
    }
}

Event moved_behind(const EventOrigin& origin, const RoomHead& head, const Event& event) {
    JsonDict pdu = pdu_from_event(event);
    pdu["depth"] = depth_after(head);
    pdu["prev_events"] = references_to(head, pdu, std::string_view());
    return signed_anew(origin, std::move(pdu), event.unsigned_fields());
}

void follow(RoomHead& head, const Event& event) {
    // Who sends events that follow what nobody has makes more of them. Beyond this the oldest is never named again.
    constexpr std::size_t max_extremities = 1'000;
    std::vector<std::string_view> followed;
    for (const JsonValue& event_id : event.other().at("prev_events").as_array()) followed.emplace_back(event_id.as_string());
    std::sort(followed.begin(), followed.end());
    std::erase_if(head.extremities, [&](const std::string& event_id) {
        return std::binary_search(followed.begin(), followed.end(), std::string_view(event_id));
    });
    if (head.extremities.size() == max_extremities) head.extremities.erase(head.extremities.begin());
    head.extremities.emplace_back(event.event_id().value());
    head.depth = std::max(head.depth, event.other().at("depth").as_int64());
}

}  // namespace homeserver
