#include <modapi/hosting/event_json.h>

#include <callbacks/errors.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonDict;

[[noreturn]] void refuse_event_key(std::string_view key, std::string_view wanted) {
    throw callbacks::SynapseError(400, "'" + std::string(key) + "' must be " + std::string(wanted), callbacks::Codes::BAD_JSON);
}

std::optional<std::string> text_at(const JsonDict& json, std::string_view key) {
    const callbacks::JsonPlace place = callbacks::place_in(json, key);
    if (place.exists() && !place.text()) refuse_event_key(key, "a string");
    return std::optional<std::string>(place.text());
}

std::string required_text_at(const JsonDict& json, std::string_view key) {
    const std::optional<std::string_view> text = callbacks::place_in(json, key).text();
    if (!text) refuse_event_key(key, "a string");
    return std::string(*text);
}

const JsonDict& object_at(const JsonDict& json, std::string_view key) {
    const JsonDict* const object = callbacks::place_in(json, key).object();
    if (object == nullptr) refuse_event_key(key, "an object");
    return *object;
}

}  // namespace

callbacks::Event event_from_json(const JsonDict& json) {
    callbacks::EventFields fields;
    fields.event_id = text_at(json, "event_id");
    fields.room_id = required_text_at(json, "room_id");
    fields.type = required_text_at(json, "type");
    fields.sender = required_text_at(json, "sender");
    fields.state_key = text_at(json, "state_key");
    fields.content = object_at(json, "content");
    if (const callbacks::JsonValue* const time = json.if_contains("origin_server_ts")) {
        if (!time->is_int64()) refuse_event_key("origin_server_ts", "an integer");
        fields.origin_server_ts = time->get_int64();
    }
    fields.redacts = text_at(json, "redacts");
    if (json.contains("unsigned")) fields.unsigned_fields = object_at(json, "unsigned");
    for (const auto& member : json) {
        bool has_a_member = false;
        for (const std::string_view own :
             {"event_id", "room_id", "type", "sender", "state_key", "content", "origin_server_ts", "redacts", "unsigned"}) {
            has_a_member = has_a_member || member.key() == own;
        }
        if (!has_a_member) fields.other[member.key()] = member.value();
    }
    return callbacks::Event(std::move(fields));
}

}  // namespace modapi
