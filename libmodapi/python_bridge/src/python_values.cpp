#include "python_values.h"

#include <boost/beast/core/detail/base64.hpp>

#include <algorithm>
#include <cmath>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

namespace base64 = boost::beast::detail::base64;

[[noreturn]] void refuse(std::string_view wanted, const JsonValue& value) {
    throw WrongPythonValue(kind_of(value) + " where there is to be " + std::string(wanted));
}

/// The only key of an object, if that is a tag.
std::string_view tag_of(const JsonValue& value) noexcept {
    const JsonDict* const object = value.if_object();
    if (object == nullptr || object->size() != 1) return {};
    const std::string_view key = object->begin()->key();
    return key.starts_with('$') ? key : std::string_view();
}

const JsonDict& held_object(const JsonValue& value, std::string_view tag, std::string_view wanted) {
    const JsonValue* const held = held_by(value, tag);
    if (held == nullptr || !held->is_object()) refuse(wanted, value);
    return held->get_object();
}

const JsonValue& member_of(const JsonDict& object, std::string_view name) {
    static const JsonValue none;
    const JsonValue* const found = object.if_contains(name);
    return found != nullptr ? *found : none;
}

std::string required_text(const JsonDict& object, std::string_view name) {
    const JsonValue& value = member_of(object, name);
    if (!value.is_string()) throw WrongPythonValue(std::string(name) + " is " + kind_of(value) + ", and has to be text");
    return std::string(value.get_string());
}

std::optional<std::string> optional_text(const JsonDict& object, std::string_view name) {
    if (member_of(object, name).is_null()) return std::nullopt;
    return required_text(object, name);
}

std::int64_t integer_in(const JsonDict& object, std::string_view name) {
    try {
        return integer_of(member_of(object, name));
    } catch (const WrongPythonValue& wrong) {
        throw WrongPythonValue(std::string(name) + ": " + wrong.what());
    }
}

std::string key_text(const JsonValue& key) {
    const JsonValue plain = json_of(key);
    if (const auto* const text = plain.if_string()) return std::string(*text);
    // As Python's own writer of JSON does with keys that are no text.
    if (plain.is_int64()) return std::to_string(plain.get_int64());
    refuse("a key that is text", key);
}

JsonDict object_of_pairs(const JsonArray& pairs) {
    JsonDict object;
    for (const JsonValue& pair : pairs) {
        const JsonArray* const both = pair.if_array();
        if (both == nullptr || both->size() != 2) refuse("a pair of key and value", pair);
        object.insert_or_assign(key_text((*both)[0]), json_of((*both)[1]));
    }
    return object;
}

JsonArray array_of(const JsonArray& items) {
    JsonArray array;
    array.reserve(items.size());
    for (const JsonValue& item : items) array.push_back(json_of(item));
    return array;
}

}  // namespace

// --- to the process

JsonValue tagged(std::string_view tag, JsonValue held) {
    JsonDict object;
    object.emplace(tag, std::move(held));
    return object;
}

JsonValue json_to_python(JsonValue json) { return tagged("$json", std::move(json)); }
JsonValue frozen_to_python(JsonValue json) { return tagged("$frozen", std::move(json)); }
JsonValue mutable_to_python(JsonValue json) { return tagged("$mutable", std::move(json)); }
JsonValue bytes_to_python(std::string_view bytes) { return tagged("$bytes", JsonValue(base64_of(bytes))); }

JsonDict held_event(const callbacks::Event& event, const EventDetails& details) {
    JsonDict parts;
    parts["type"] = event.type();
    parts["room_id"] = event.room_id();
    parts["sender"] = event.sender();
    parts["content"] = event.content();
    if (event.state_key()) parts["state_key"] = *event.state_key();
    parts["origin_server_ts"] = event.origin_server_ts();
    if (event.redacts()) parts["redacts"] = *event.redacts();
    for (const auto& field : event.other()) parts.insert_or_assign(field.key(), field.value());
    parts["unsigned"] = event.unsigned_fields();
    JsonDict held;
    held.emplace("event", std::move(parts));
    if (event.event_id()) held.emplace("event_id", *event.event_id());
    if (details.room_version) held.emplace("room_version", *details.room_version);
    if (details.frozen) held.emplace("frozen", true);
    return held;
}

std::optional<std::string> room_version_of(const callbacks::StateMap& state) {
    const callbacks::Event* const create = state.find("m.room.create");
    if (create == nullptr) return std::nullopt;
    // Rooms of the first version didn't name it.
    return std::string(create->content_string("room_version").value_or("1"));
}

JsonValue to_python(std::int64_t number) { return JsonValue(number); }
JsonValue to_python(std::string_view text) { return JsonValue(boost::json::string_view(text.data(), text.size())); }
JsonValue to_python(const std::string& text) { return to_python(std::string_view(text)); }
JsonValue to_python(const JsonDict& json) { return json_to_python(JsonValue(json, callbacks::JsonMemory())); }
JsonValue to_python(const callbacks::Event& event) { return tagged("$event", held_event(event)); }
JsonValue to_python(const callbacks::UserID& user) { return tagged("$user_id", to_python(user.to_string())); }
JsonValue to_python(const callbacks::RoomAlias& alias) { return tagged("$room_alias", to_python(alias.to_string())); }
JsonValue to_python(const callbacks::RoomID& room) { return tagged("$room_id", to_python(room.to_string())); }

JsonValue to_python(const callbacks::Requester& requester) {
    JsonArray scope;
    for (const std::string& token : requester.scope) scope.push_back(to_python(token));
    JsonDict held;
    held["user"] = requester.user.to_string();
    held["access_token_id"] = to_python(requester.access_token_id);
    held["is_guest"] = requester.is_guest;
    held["scope"] = std::move(scope);
    held["shadow_banned"] = requester.shadow_banned;
    held["device_id"] = to_python(requester.device_id);
    held["authenticated_entity"] = requester.authenticated_entity;
    return tagged("$requester", std::move(held));
}

JsonValue to_python(const callbacks::UserProfile& profile) {
    JsonDict held;
    held["user_id"] = profile.user_id;
    held["display_name"] = to_python(profile.display_name);
    held["avatar_url"] = to_python(profile.avatar_url);
    return tagged("$user_profile", std::move(held));
}

JsonValue to_python(const callbacks::ProfileInfo& profile) {
    JsonDict held;
    held["display_name"] = to_python(profile.display_name);
    held["avatar_url"] = to_python(profile.avatar_url);
    return tagged("$profile", std::move(held));
}

JsonValue to_python(const callbacks::UserInfo& user) {
    JsonDict held;
    held["user_id"] = user.user_id.to_string();
    held["appservice_id"] = to_python(user.appservice_id);
    held["consent_server_notice_sent"] = to_python(user.consent_server_notice_sent);
    held["consent_version"] = to_python(user.consent_version);
    held["consent_ts"] = to_python(user.consent_ts);
    held["user_type"] = to_python(user.user_type);
    held["creation_ts"] = user.creation_ts;
    held["is_admin"] = user.is_admin;
    held["is_deactivated"] = user.is_deactivated;
    held["is_guest"] = user.is_guest;
    held["is_shadow_banned"] = user.is_shadow_banned;
    held["approved"] = user.approved;
    held["locked"] = user.locked;
    held["suspended"] = user.suspended;
    return tagged("$user_info", std::move(held));
}

JsonValue to_python(const callbacks::UserIpAndAgent& seen) {
    JsonDict held;
    held["ip"] = seen.ip;
    held["user_agent"] = seen.user_agent;
    held["last_seen"] = seen.last_seen;
    return tagged("$user_ip_and_agent", std::move(held));
}

JsonValue to_python(const callbacks::UserPresenceState& presence) {
    JsonDict held;
    held["user_id"] = presence.user_id;
    held["state"] = presence.state;
    held["last_active_ts"] = presence.last_active_ts;
    held["last_federation_update_ts"] = presence.last_federation_update_ts;
    held["last_user_sync_ts"] = presence.last_user_sync_ts;
    held["status_msg"] = to_python(presence.status_msg);
    held["currently_active"] = presence.currently_active;
    return tagged("$presence", std::move(held));
}

JsonValue to_python(const callbacks::MediaUploadLimit& limit) {
    JsonDict held;
    held["max_bytes"] = limit.max_bytes();
    held["time_period_ms"] = limit.time_period_ms();
    return tagged("$upload_limit", std::move(held));
}

JsonValue to_python(const callbacks::RatelimitOverride& limit) {
    JsonDict held;
    held["per_second"] = limit.per_second();
    held["burst_count"] = limit.burst_count();
    return tagged("$ratelimit", std::move(held));
}

JsonValue to_python(const callbacks::ReadableFileWrapper& file) {
    JsonDict held;
    held["path"] = file.path();
    return tagged("$file", std::move(held));
}

JsonValue to_python(const callbacks::FileInfo& file) {
    JsonDict held;
    held["server_name"] = to_python(file.server_name);
    held["file_id"] = file.file_id;
    held["url_cache"] = file.url_cache;
    if (file.thumbnail) {
        JsonDict thumbnail;
        thumbnail["width"] = file.thumbnail->width;
        thumbnail["height"] = file.thumbnail->height;
        thumbnail["method"] = file.thumbnail->method;
        thumbnail["type"] = file.thumbnail->type;
        thumbnail["length"] = file.thumbnail->length;
        held["thumbnail"] = std::move(thumbnail);
    } else {
        held["thumbnail"] = nullptr;
    }
    return tagged("$file_info", std::move(held));
}

// --- from the process

const JsonValue* held_by(const JsonValue& value, std::string_view tag) noexcept {
    return tag_of(value) == tag ? &value.get_object().begin()->value() : nullptr;
}

const JsonArray* items_of(const JsonValue& value, std::string_view tag) noexcept {
    const JsonValue* const held = held_by(value, tag);
    return held != nullptr ? held->if_array() : nullptr;
}

std::string kind_of(const JsonValue& value) {
    switch (value.kind()) {
        case boost::json::kind::null:
            return "None";
        case boost::json::kind::bool_:
            return value.get_bool() ? "True" : "False";
        case boost::json::kind::int64:
        case boost::json::kind::uint64:
        case boost::json::kind::double_:
            return "a number";
        case boost::json::kind::string:
            return "text";
        case boost::json::kind::array:
            return "a list";
        case boost::json::kind::object:
            break;
    }
    const std::string_view tag = tag_of(value);
    if (tag.empty() || tag == "$dict") return "a dictionary";
    if (const JsonArray* const items = items_of(value, "$tuple")) return "a tuple of " + std::to_string(items->size());
    if (tag == "$none_of_these") {
        const JsonValue& name = *held_by(value, tag);
        return name.is_string() ? "a " + std::string(name.get_string()) : std::string("something unknown");
    }
    if (tag == "$set") return "a set";
    if (tag == "$frozenset") return "a frozen set";
    if (tag == "$bytes") return "bytes";
    if (tag == "$code") return "a code";
    if (tag == "$handle") return "a function or an object";
    return "a value of the kind " + std::string(tag.substr(1));
}

bool is_true(const JsonValue& value) noexcept {
    switch (value.kind()) {
        case boost::json::kind::null:
            return false;
        case boost::json::kind::bool_:
            return value.get_bool();
        case boost::json::kind::int64:
            return value.get_int64() != 0;
        case boost::json::kind::uint64:
            return value.get_uint64() != 0;
        case boost::json::kind::double_:
            return value.get_double() != 0;
        case boost::json::kind::string:
            return !value.get_string().empty();
        case boost::json::kind::array:
            return !value.get_array().empty();
        case boost::json::kind::object:
            break;
    }
    if (value.get_object().empty()) return false;
    const std::string_view tag = tag_of(value);
    for (const std::string_view container : {"$tuple", "$set", "$frozenset", "$dict"}) {
        if (tag != container) continue;
        const JsonArray* const items = items_of(value, tag);
        return items == nullptr || !items->empty();
    }
    if (tag == "$bytes") return is_true(*held_by(value, tag));
    return true;
}

JsonValue json_of(const JsonValue& value) {
    if (const JsonArray* const items = value.if_array()) return array_of(*items);
    if (!value.is_object()) return value;
    const std::string_view tag = tag_of(value);
    if (tag.empty() || tag == "$dict") return object_of(value);
    if (const JsonArray* const items = items_of(value, "$tuple")) return array_of(*items);
    if (tag == "$code" || tag == "$registration") return *held_by(value, tag);
    refuse("JSON", value);
}

JsonDict object_of(const JsonValue& value) {
    if (const JsonArray* const pairs = items_of(value, "$dict")) return object_of_pairs(*pairs);
    if (!value.is_object() || !tag_of(value).empty()) refuse("a dictionary", value);
    JsonDict object;
    for (const auto& member : value.get_object()) object.emplace(member.key(), json_of(member.value()));
    return object;
}

std::string bytes_of(const JsonValue& value) {
    const JsonValue* const held = held_by(value, "$bytes");
    if (held == nullptr || !held->is_string()) refuse("bytes", value);
    return bytes_of_base64(held->get_string());
}

std::int64_t integer_of(const JsonValue& value) {
    if (!value.is_int64()) refuse("an integer of 64 bits", value);
    return value.get_int64();
}

callbacks::UserPresenceState presence_of(const JsonValue& value) {
    const JsonDict& held = held_object(value, "$presence", "a UserPresenceState");
    callbacks::UserPresenceState presence;
    presence.user_id = required_text(held, "user_id");
    presence.state = required_text(held, "state");
    presence.last_active_ts = integer_in(held, "last_active_ts");
    presence.last_federation_update_ts = integer_in(held, "last_federation_update_ts");
    presence.last_user_sync_ts = integer_in(held, "last_user_sync_ts");
    presence.status_msg = optional_text(held, "status_msg");
    presence.currently_active = is_true(member_of(held, "currently_active"));
    return presence;
}

callbacks::MediaUploadLimit upload_limit_of(const JsonValue& value) {
    const JsonDict& held = held_object(value, "$upload_limit", "a MediaUploadLimit");
    return {integer_in(held, "max_bytes"), integer_in(held, "time_period_ms")};
}

callbacks::RatelimitOverride ratelimit_of(const JsonValue& value) {
    const JsonDict& held = held_object(value, "$ratelimit", "a RatelimitOverride");
    const JsonValue& rate = member_of(held, "per_second");
    if (!rate.is_number()) refuse("a number for per_second", rate);
    return {rate.to_number<double>(), integer_in(held, "burst_count")};
}

void collect_handles(const JsonValue& value, std::vector<std::int64_t>& into) {
    if (const JsonArray* const items = value.if_array()) {
        for (const JsonValue& item : *items) collect_handles(item, into);
    } else if (const JsonValue* const handle = held_by(value, "$handle")) {
        if (handle->is_int64()) into.push_back(handle->get_int64());
    } else if (const JsonDict* const object = value.if_object()) {
        for (const auto& member : *object) collect_handles(member.value(), into);
    }
}

std::string base64_of(std::string_view bytes) {
    std::string text(base64::encoded_size(bytes.size()), '\0');
    text.resize(base64::encode(text.data(), bytes.data(), bytes.size()));
    return text;
}

std::string bytes_of_base64(std::string_view text) {
    const std::size_t end = std::min(text.find('='), text.size());
    if (text.size() % 4 != 0 || text.size() - end > 2) throw WrongPythonValue("text that is no base64");
    std::string bytes(base64::decoded_size(text.size()), '\0');
    const auto [written, read] = base64::decode(bytes.data(), text.data(), text.size());
    if (read < end) throw WrongPythonValue("text that is no base64");
    bytes.resize(written);
    return bytes;
}

}  // namespace modapi
