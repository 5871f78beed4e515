#include "events/event_format.h"

#include "events/canonical_json.h"

#include <callbacks/errors.h>

#include <sodium.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace homeserver {
namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;

constexpr std::array<std::string_view, 15> kept_keys = {
    "event_id", "type",        "room_id",    "sender",      "state_key", "content",          "hashes",    "signatures",
    "depth",    "prev_events", "prev_state", "auth_events", "origin",    "origin_server_ts", "membership"};

JsonDict only(const JsonDict& content, std::initializer_list<std::string_view> keys) {
    JsonDict kept;
    for (const std::string_view key : keys) {
        if (const JsonValue* const value = content.if_contains(key)) kept[key] = *value;
    }
    return kept;
}

JsonDict redacted_content(std::string_view type, const JsonDict& content) {
    if (type == "m.room.member") return only(content, {"membership", "join_authorised_via_users_server"});
    if (type == "m.room.create") return only(content, {"creator"});
    if (type == "m.room.join_rules") return only(content, {"join_rule", "allow"});
    if (type == "m.room.history_visibility") return only(content, {"history_visibility"});
    if (type == "m.room.power_levels") {
        return only(content, {"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"});
    }
    return {};
}

std::string_view string_of(const JsonDict& pdu, std::string_view key) {
    const JsonValue* const value = pdu.if_contains(key);
    if (value == nullptr || !value->is_string()) throw std::invalid_argument("an event without " + std::string(key));
    return value->get_string();
}

std::array<unsigned char, crypto_hash_sha256_BYTES> sha256(std::string_view bytes) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    return hash;
}

bool is_kept(std::string_view key) { return std::find(kept_keys.begin(), kept_keys.end(), key) != kept_keys.end(); }

JsonDict kept_content(const JsonDict& pdu) {
    const JsonValue* const content = pdu.if_contains("content");
    if (content == nullptr || !content->is_object()) return {};
    return redacted_content(string_of(pdu, "type"), content->get_object());
}

/// What the hash of an event's content is made over.
std::string hashed_text(const JsonDict& pdu) {
    return canonical_json_without(pdu, {"unsigned", "signatures", "hashes"});
}

std::string hash_of_content(std::string_view hashed) {
    const auto hash = sha256(hashed);
    return unpadded_base64(hash.data(), hash.size(), false);
}

/// What an event's id is made over.
std::string referred_text(const JsonDict& pdu) {
    const JsonValue content = kept_content(pdu);
    std::vector<CanonicalMember> referred = {{"content", &content}};
    for (const auto& member : pdu) {
        const std::string_view key = member.key();
        const bool is_beside = key == "signatures" || key == "event_id" || key == "content";
        if (!is_beside && is_kept(key)) referred.emplace_back(key, &member.value());
    }
    return canonical_json(std::move(referred));
}

std::string id_of(std::string_view referred) {
    const auto hash = sha256(referred);
    return "$" + unpadded_base64(hash.data(), hash.size(), true);
}

void append_member(std::string& object, std::string_view key, std::string_view value) {
    object.append(object.size() > 1 ? ",\"" : "\"").append(key).append("\":").append(value);
}

/// `pdu` is moved from, if it may be.
template <class Pdu>
callbacks::Event event_of(Pdu&& pdu, std::string event_id, JsonDict unsigned_fields) {
    const auto taken = [](auto& part) -> decltype(auto) {
        if constexpr (std::is_lvalue_reference_v<Pdu>) {
            return std::as_const(part);
        } else {
            return std::move(part);
        }
    };
    callbacks::EventFields fields;
    fields.event_id = std::move(event_id);
    fields.unsigned_fields = std::move(unsigned_fields);
    fields.room_id = string_of(pdu, "room_id");
    fields.type = string_of(pdu, "type");
    fields.sender = string_of(pdu, "sender");
    if (pdu.contains("state_key")) fields.state_key = string_of(pdu, "state_key");
    if (pdu.contains("redacts")) fields.redacts = string_of(pdu, "redacts");
    auto* const content = pdu.if_contains("content");
    const JsonValue* const time = pdu.if_contains("origin_server_ts");
    if (content == nullptr || !content->is_object()) throw std::invalid_argument("an event without content");
    if (time == nullptr || !time->is_int64()) throw std::invalid_argument("an event without origin_server_ts");
    fields.content = taken(content->get_object());
    fields.origin_server_ts = time->get_int64();
    for (auto& member : pdu) {
        const std::string_view key = member.key();
        for (const std::string_view own : {"depth", "hashes", "signatures", "prev_events", "auth_events", "origin"}) {
            if (key == own) fields.other[key] = taken(member.value());
        }
    }
    return callbacks::Event(std::move(fields));
}

}  // namespace

JsonDict redacted(const JsonDict& pdu) {
    JsonDict left;
    for (const auto& member : pdu) {
        const std::string_view key = member.key();
        if (is_kept(key)) left[key] = member.value();
    }
    left["content"] = kept_content(pdu);
    return left;
}

std::string content_hash(const JsonDict& pdu) { return hash_of_content(hashed_text(pdu)); }

std::string event_id_of(const JsonDict& pdu) { return id_of(referred_text(pdu)); }

std::string hash_and_sign(JsonDict& pdu, const SigningKey& key, std::string_view server_name) {
    for (const std::string_view name : {"room_id", "sender", "type", "state_key"}) {
        const JsonValue* const value = pdu.if_contains(name);
        if (value == nullptr || value->get_string().size() <= max_identifier) continue;
        throw callbacks::SynapseError(413, "'" + std::string(name) + "' too large", callbacks::Codes::TOO_LARGE);
    }
    pdu.erase("signatures");
    const std::string hashed = hashed_text(pdu);
    pdu["hashes"] = JsonDict({{"sha256", hash_of_content(hashed)}});
    // What is signed is what the id is a hash of: the redacted event, without signatures.
    const std::string referred = referred_text(pdu);
    pdu["signatures"] = JsonDict({{server_name, JsonDict({{key.key_id(), key.sign(referred)}})}});
    std::size_t size = hashed.size();
    for (const std::string_view beside : {"hashes", "signatures", "unsigned"}) {
        constexpr std::size_t around = 4;  // a comma, two quotes and a colon
        if (const JsonValue* const value = pdu.if_contains(beside))
            size += around + beside.size() + canonical_json(*value).size();
    }
    if (size > max_event) throw callbacks::SynapseError(413, "event too large", callbacks::Codes::TOO_LARGE);
    return id_of(referred);
}

callbacks::Event event_from_pdu(const JsonDict& pdu, std::string event_id, JsonDict unsigned_fields) {
    return event_of(pdu, std::move(event_id), std::move(unsigned_fields));
}

callbacks::Event event_from_pdu(JsonDict&& pdu, std::string event_id, JsonDict unsigned_fields) {
    return event_of(std::move(pdu), std::move(event_id), std::move(unsigned_fields));
}

JsonDict pdu_from_event(const callbacks::Event& event) {
    JsonDict pdu = event.other();
    pdu["room_id"] = event.room_id();
    pdu["type"] = event.type();
    pdu["sender"] = event.sender();
    if (event.state_key()) pdu["state_key"] = *event.state_key();
    if (event.redacts()) pdu["redacts"] = *event.redacts();
    pdu["content"] = event.content();
    pdu["origin_server_ts"] = event.origin_server_ts();
    return pdu;
}

std::string pdu_text(const callbacks::Event& event) {
    using boost::json::serialize;
    std::string text = serialize(event.other());
    text.pop_back();
    append_member(text, "room_id", serialize(event.room_id()));
    append_member(text, "type", serialize(event.type()));
    append_member(text, "sender", serialize(event.sender()));
    if (event.state_key()) append_member(text, "state_key", serialize(*event.state_key()));
    if (event.redacts()) append_member(text, "redacts", serialize(*event.redacts()));
    append_member(text, "content", serialize(event.content()));
    append_member(text, "origin_server_ts", std::to_string(event.origin_server_ts()));
    return text += '}';
}

}  // namespace homeserver
