#include "rooms/room_request.h"

#include "http/requests.h"

#include <callbacks/errors.h>
#include <callbacks/users.h>

#include <algorithm>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;

[[noreturn]] void refuse(const std::string& text, Codes code = Codes::BAD_JSON) { throw SynapseError(400, text, code); }

const JsonDict& object_member(const JsonDict& body, std::string_view key) {
    static const JsonDict nothing;
    const JsonValue* const value = body.if_contains(key);
    if (value == nullptr) return nothing;
    if (!value->is_object()) refuse("'" + std::string(key) + "' must be an object");
    return value->get_object();
}

const JsonArray& array_member(const JsonDict& body, std::string_view key) {
    static const JsonArray nothing;
    const JsonValue* const value = body.if_contains(key);
    if (value == nullptr) return nothing;
    if (!value->is_array()) refuse("'" + std::string(key) + "' must be an array");
    return value->get_array();
}

/// What a preset stands for.
struct Preset {
    const char* name;
    const char* join_rule;
    bool guests_may_join;
    bool invitees_are_equals;
    int invite_level;
};
constexpr Preset presets[] = {
    {"private_chat", "invite", true, false, 0},
    {"trusted_private_chat", "invite", true, true, 0},
    {"public_chat", "public", false, false, 50},
};

const Preset& preset_of(const JsonDict& body, bool is_public) {
    const std::string name = string_member(body, "preset").value_or(is_public ? "public_chat" : "private_chat");
    const auto found =
        std::find_if(std::begin(presets), std::end(presets), [&](const Preset& preset) { return preset.name == name; });
    if (found == std::end(presets)) refuse("'" + name + "' is not a valid preset", Codes::INVALID_PARAM);
    return *found;
}

bool is_public_visibility(const JsonDict& body) {
    const std::string visibility = string_member(body, "visibility").value_or("private");
    if (visibility != "public" && visibility != "private")
        refuse("'visibility' must be 'public' or 'private'", Codes::INVALID_PARAM);
    return visibility == "public";
}

void check_version(const JsonDict& body) {
    const std::optional<std::string> version = string_member(body, "room_version");
    if (version && *version != "10") {
        throw SynapseError(400, "Your homeserver does not support this room version", Codes::UNSUPPORTED_ROOM_VERSION);
    }
}

std::vector<std::string> invitees_of(const JsonDict& body) {
    std::vector<std::string> invitees;
    for (const JsonValue& value : array_member(body, "invite")) {
        if (!value.is_string()) refuse("'invite' must hold user ids");
        const std::string user_id(value.get_string());
        static_cast<void>(callbacks::UserID(user_id));  // throws the 400 for what is none
        invitees.push_back(user_id);
    }
    return invitees;
}

JsonDict power_levels(const JsonDict& body, const std::string& creator, const Preset& preset,
                      const std::vector<std::string>& invitees) {
    JsonDict content;
    JsonDict users;
    users[creator] = 100;
    if (preset.invitees_are_equals) {
        for (const std::string& user_id : invitees) users[user_id] = 100;
    }
    content["users"] = std::move(users);
    content["users_default"] = 0;
    JsonDict events;
    events["m.room.name"] = 50;
    events["m.room.power_levels"] = 100;
    events["m.room.history_visibility"] = 100;
    events["m.room.canonical_alias"] = 50;
    events["m.room.avatar"] = 50;
    events["m.room.tombstone"] = 100;
    events["m.room.server_acl"] = 100;
    events["m.room.encryption"] = 100;
    content["events"] = std::move(events);
    content["events_default"] = 0;
    content["state_default"] = 50;
    content["ban"] = 50;
    content["kick"] = 50;
    content["redact"] = 50;
    content["invite"] = preset.invite_level;
    content["historical"] = 100;
    for (const auto& given : object_member(body, "power_level_content_override")) content[given.key()] = given.value();
    return content;
}

std::vector<InitialState> initial_state_of(const JsonDict& body) {
    std::vector<InitialState> given;
    for (const JsonValue& value : array_member(body, "initial_state")) {
        if (!value.is_object()) refuse("'initial_state' must hold objects");
        const JsonDict& event = value.get_object();
        InitialState state;
        state.type = required_string_member(event, "type");
        state.state_key = string_member(event, "state_key").value_or(std::string());
        if (!event.contains("content")) refuse("Missing key 'content'");
        state.content = object_member(event, "content");
        if (state.type == "m.room.create" || state.type == "m.room.member") {
            refuse("'initial_state' can't hold " + state.type, Codes::INVALID_PARAM);
        }
        given.push_back(std::move(state));
    }
    return given;
}

std::optional<std::string> alias_localpart_of(const JsonDict& body) {
    std::optional<std::string> localpart = string_member(body, "room_alias_name");
    const bool is_bad = localpart && localpart->find_first_of(" \t\r\n:#") != std::string::npos;
    if (is_bad || localpart == std::string()) refuse("Invalid characters in room alias", Codes::INVALID_PARAM);
    return localpart;
}

InitialState with_one_member(const char* type, const char* key, std::string value) {
    InitialState state;
    state.type = type;
    state.content[key] = std::move(value);
    return state;
}

}  // namespace

RoomRequest read_room_request(const JsonDict& body, const std::string& creator, const std::string& server_name) {
    check_version(body);
    RoomRequest request;
    request.is_public = is_public_visibility(body);
    request.invitees = invitees_of(body);
    for (const JsonValue& value : array_member(body, "invite_3pid")) {
        if (!value.is_object()) refuse("'invite_3pid' must hold objects");
        read_third_party(value.get_object(), request.third_party_invitees.emplace_back());
    }
    request.is_direct = flag_member(body, "is_direct", false);
    request.creation_content = object_member(body, "creation_content");
    request.alias_localpart = alias_localpart_of(body);
    const Preset& preset = preset_of(body, request.is_public);
    std::vector<InitialState> given = initial_state_of(body);
    const auto is_given = [&](std::string_view type) {
        return std::any_of(given.begin(), given.end(),
                           [&](const InitialState& state) { return state.type == type && state.state_key.empty(); });
    };

    InitialState levels;
    levels.type = "m.room.power_levels";
    levels.content = power_levels(body, creator, preset, request.invitees);
    request.state.push_back(std::move(levels));
    if (request.alias_localpart) {
        const std::string alias = "#" + *request.alias_localpart + ":" + server_name;
        request.state.push_back(with_one_member("m.room.canonical_alias", "alias", alias));
    }
    // What initial_state says itself isn't said by the preset.
    if (!is_given("m.room.join_rules"))
        request.state.push_back(with_one_member("m.room.join_rules", "join_rule", preset.join_rule));
    if (!is_given("m.room.history_visibility")) {
        request.state.push_back(with_one_member("m.room.history_visibility", "history_visibility", "shared"));
    }
    if (preset.guests_may_join && !is_given("m.room.guest_access")) {
        request.state.push_back(with_one_member("m.room.guest_access", "guest_access", "can_join"));
    }
    for (InitialState& state : given) request.state.push_back(std::move(state));
    if (const auto name = string_member(body, "name")) request.state.push_back(with_one_member("m.room.name", "name", *name));
    if (const auto topic = string_member(body, "topic"))
        request.state.push_back(with_one_member("m.room.topic", "topic", *topic));
    return request;
}

}  // namespace homeserver
