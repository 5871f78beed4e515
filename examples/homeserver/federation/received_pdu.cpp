#include "federation/received_pdu.h"

#include "events/canonical_json.h"
#include "events/event_format.h"

#include <callbacks/errors.h>
#include <callbacks/identifiers.h>

#include <utility>

namespace homeserver {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using Refusal = std::optional<std::string>;

constexpr std::size_t max_prev_events = 20;
constexpr std::size_t max_auth_events = 10;

Refusal refused_text(const JsonDict& pdu, std::string_view key, bool is_required) {
    const JsonValue* const value = pdu.if_contains(key);
    if (value == nullptr && !is_required) return std::nullopt;
    if (value == nullptr || !value->is_string()) return "'" + std::string(key) + "' must be a string";
    if (value->get_string().size() > max_identifier) return "'" + std::string(key) + "' is longer than 255 bytes";
    return std::nullopt;
}

Refusal refused_number(const JsonDict& pdu, std::string_view key) {
    const JsonValue* const value = pdu.if_contains(key);
    if (value == nullptr || !value->is_int64()) return "'" + std::string(key) + "' must be an integer";
    if (value->get_int64() < 0) return "'" + std::string(key) + "' must not be negative";
    return std::nullopt;
}

Refusal refused_references(const JsonDict& pdu, std::string_view key, std::size_t most) {
    const JsonValue* const value = pdu.if_contains(key);
    if (value == nullptr || !value->is_array()) return "'" + std::string(key) + "' must be a list of event ids";
    if (value->get_array().size() > most) return "'" + std::string(key) + "' has too many events";
    for (const JsonValue& reference : value->get_array()) {
        if (!reference.is_string()) return "'" + std::string(key) + "' must be a list of event ids";
    }
    return std::nullopt;
}

Refusal refused_object(const JsonDict& pdu, std::string_view key) {
    const JsonValue* const value = pdu.if_contains(key);
    if (value == nullptr || !value->is_object()) return "'" + std::string(key) + "' must be an object";
    return std::nullopt;
}

bool is_user_id(const std::string& text) {
    try {
        static_cast<void>(callbacks::UserID(text));
        return true;
    } catch (const callbacks::SynapseError&) {
        return false;
    }
}

/// What is wrong with the event's form.
Refusal refused_form(const JsonDict& pdu) {
    for (const char* const key : {"type", "room_id", "sender"}) {
        if (Refusal refusal = refused_text(pdu, key, true)) return refusal;
    }
    for (const char* const key : {"state_key", "redacts"}) {
        if (Refusal refusal = refused_text(pdu, key, false)) return refusal;
    }
    for (const char* const key : {"origin_server_ts", "depth"}) {
        if (Refusal refusal = refused_number(pdu, key)) return refusal;
    }
    for (const char* const key : {"content", "hashes", "signatures"}) {
        if (Refusal refusal = refused_object(pdu, key)) return refusal;
    }
    if (Refusal refusal = refused_references(pdu, "prev_events", max_prev_events)) return refusal;
    if (Refusal refusal = refused_references(pdu, "auth_events", max_auth_events)) return refusal;
    if (!pdu.at("room_id").get_string().starts_with('!')) return "'room_id' must be a room id";
    if (!is_user_id(std::string(pdu.at("sender").get_string()))) return "'sender' must be a user id";
    return std::nullopt;
}

/// Why an event of good form isn't taken from that server.
Refusal refused_origin(const JsonDict& pdu, const VerifyKeys& keys, const std::string& origin) {
    const std::string sender(pdu.at("sender").get_string());
    if (callbacks::domain_of(sender) != origin) return "The sender " + sender + " isn't of " + origin;
    if (!keys.has_signed(origin, redacted(pdu))) return "The event isn't signed by " + origin;
    return std::nullopt;
}

bool has_right_hash(const JsonDict& pdu) {
    const JsonValue* const given = pdu.at("hashes").get_object().if_contains("sha256");
    return given != nullptr && given->is_string() && std::string_view(given->get_string()) == content_hash(pdu);
}

/// The event id covers what a redaction leaves, so that of a malformed event needs a type to be computed.
std::string id_of(const JsonDict& pdu) {
    const JsonValue* const type = pdu.if_contains("type");
    if (type != nullptr && type->is_string()) return event_id_of(pdu);
    JsonDict typed = pdu;
    typed["type"] = "";
    return event_id_of(typed);
}

}  // namespace

ReceivedPdu check_pdu(JsonDict pdu, const VerifyKeys* keys, const std::string& origin) {
    ReceivedPdu received;
    pdu.erase("unsigned");
    const std::size_t size = canonical_json(pdu).size();
    received.event_id = id_of(pdu);
    received.refusal = size > max_event ? Refusal("event too large") : refused_form(pdu);
    received.has_right_form = !received.refusal;
    if (!received.refusal) received.refusal = refused_origin(pdu, *keys, origin);
    if (!received.refusal) received.hash_is_wrong = !has_right_hash(pdu);
    received.pdu = received.hash_is_wrong ? redacted(pdu) : std::move(pdu);
    return received;
}

callbacks::Event event_of(const ReceivedPdu& received) { return event_of(received, JsonDict()); }

callbacks::Event event_of(const ReceivedPdu& received, JsonDict unsigned_fields) {
    return event_from_pdu(received.pdu, received.event_id, std::move(unsigned_fields));
}

callbacks::Event pruned_event_of(const ReceivedPdu& received) {
    return event_from_pdu(redacted(received.pdu), received.event_id, JsonDict());
}

}  // namespace homeserver
