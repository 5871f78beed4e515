#include "events/auth_rules.h"

#include "events/power_levels.h"
#include "events/public_key.h"

#include <callbacks/identifiers.h>

namespace homeserver {
namespace {

using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::StateMap;
using Refusal = std::optional<std::string>;

std::string_view membership_of(const StateMap& state, std::string_view user_id) {
    const Event* const member = state.find("m.room.member", user_id);
    return member == nullptr ? "leave" : member->membership().value_or("leave");
}

std::string_view join_rule_of(const StateMap& state) {
    const Event* const rules = state.find("m.room.join_rules");
    return rules == nullptr ? "invite" : rules->content_string("join_rule").value_or("invite");
}

std::string not_in_room(std::string_view user_id, const Event& event) {
    return "User " + std::string(user_id) + " not in room " + event.room_id();
}

const JsonDict* object_member(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    return value == nullptr ? nullptr : value->if_object();
}

std::string_view string_member_of(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    return value->get_string();
}

/// The `signed` object of an invite that came from a third-party invite; null if this invite isn't one.
const JsonDict* signed_of(const Event& event) {
    const JsonDict* const invite = object_member(event.content(), "third_party_invite");
    return invite == nullptr ? nullptr : object_member(*invite, "signed");
}

/// Whether any of the object's signatures, whoever's it claims to be, is that key's.
bool is_signed_by(const JsonDict& signed_part, std::string_view public_key) {
    const std::optional<PublicKey> key = PublicKey::from_base64(public_key);
    const JsonDict* const signatures = object_member(signed_part, "signatures");
    if (signatures == nullptr || !key) return false;
    const std::string bytes = signed_bytes(signed_part);
    for (const auto& server : *signatures) {
        if (!server.value().is_object()) continue;
        for (const auto& entry : server.value().get_object()) {
            if (entry.value().is_string() && key->verifies(bytes, entry.value().get_string())) return true;
        }
    }
    return false;
}

Refusal refused_third_party_invite(const Event& event, const StateMap& state) {
    const std::string refusal = "The third-party invite isn't valid";
    const JsonDict* const signed_part = signed_of(event);
    if (membership_of(state, *event.state_key()) == "ban") return "User " + *event.state_key() + " is banned";
    if (signed_part == nullptr || string_member_of(*signed_part, "mxid") != *event.state_key()) return refusal;
    const std::string_view token = string_member_of(*signed_part, "token");
    const Event* const invite = token.empty() ? nullptr : state.find("m.room.third_party_invite", token);
    if (invite == nullptr || invite->sender() != event.sender()) return refusal;
    if (is_signed_by(*signed_part, string_member_of(invite->content(), "public_key"))) return std::nullopt;
    const JsonValue* const keys = invite->content().if_contains("public_keys");
    if (keys == nullptr || !keys->is_array()) return refusal;
    for (const JsonValue& entry : keys->get_array()) {
        if (entry.is_object() && is_signed_by(*signed_part, string_member_of(entry.get_object(), "public_key")))
            return std::nullopt;
    }
    return refusal;
}

Refusal refused_create(const Event& event) {
    const JsonValue* const previous = event.other().if_contains("prev_events");
    if (previous != nullptr && previous->is_array() && !previous->get_array().empty()) return "A room is created only once";
    if (callbacks::domain_of(event.room_id()) != callbacks::domain_of(event.sender())) {
        return "Creation event's room_id domain does not match sender's";
    }
    const JsonValue* const version = event.content().if_contains("room_version");
    if (version != nullptr && !(version->is_string() && version->get_string() == "10")) return "Room version isn't known";
    if (!event.content().contains("creator")) return "Create event lacks a 'creator' property";
    return std::nullopt;
}

/// The creator's join, right behind the create event.
bool is_first_join(const Event& event, const StateMap& state) {
    const JsonValue* const previous = event.other().if_contains("prev_events");
    const Event& create = *state.find("m.room.create");
    if (previous == nullptr || !previous->is_array() || previous->get_array().size() != 1 || !create.event_id()) return false;
    const JsonValue& only = previous->get_array()[0];
    return only.is_string() && std::string_view(only.get_string()) == *create.event_id() &&
           create.content_string("creator") == std::string_view(*event.state_key());
}

Refusal refused_join(const Event& event, const StateMap& state, const PowerLevels& levels) {
    if (is_first_join(event, state)) return std::nullopt;
    if (event.sender() != *event.state_key()) return "Cannot force another user to join.";
    const std::string_view membership = membership_of(state, event.sender());
    if (membership == "ban") return "You are banned from this room";
    const std::string_view rule = join_rule_of(state);
    if (rule == "public") return std::nullopt;
    if (rule == "invite" || rule == "knock" || rule == "restricted" || rule == "knock_restricted") {
        if (membership == "join" || membership == "invite") return std::nullopt;
        if (!rule.ends_with("restricted")) return "You are not invited to this room.";
        const auto authorising = event.content_string("join_authorised_via_users_server");
        if (!authorising) return "Join event is missing 'join_authorised_via_users_server'.";
        if (membership_of(state, *authorising) != "join" || levels.of_user(*authorising) < levels.to_invite()) {
            return "Join event authorised by invalid server.";
        }
        return std::nullopt;
    }
    return "You are not allowed to join this room";
}

Refusal refused_invite(const Event& event, const StateMap& state, const PowerLevels& levels) {
    if (event.content().contains("third_party_invite")) return refused_third_party_invite(event, state);
    if (membership_of(state, event.sender()) != "join") return not_in_room(event.sender(), event);
    const std::string_view target = membership_of(state, *event.state_key());
    if (target == "ban") return *event.state_key() + " is banned from the room";
    if (target == "join") return *event.state_key() + " is already in the room.";
    if (levels.of_user(event.sender()) < levels.to_invite()) return "You don't have permission to invite users";
    return std::nullopt;
}

Refusal refused_leave(const Event& event, const StateMap& state, const PowerLevels& levels) {
    const std::string_view own = membership_of(state, event.sender());
    if (event.sender() == *event.state_key()) {
        if (own == "join" || own == "invite" || own == "knock") return std::nullopt;
        if (own == "ban") return "You are banned from this room";
        return not_in_room(event.sender(), event);
    }
    if (own != "join") return not_in_room(event.sender(), event);
    const std::int64_t sender_level = levels.of_user(event.sender());
    if (membership_of(state, *event.state_key()) == "ban" && sender_level < levels.to_ban()) {
        return "You cannot unban user " + *event.state_key() + ".";
    }
    if (sender_level >= levels.to_kick() && levels.of_user(*event.state_key()) < sender_level) return std::nullopt;
    return "You cannot kick user " + *event.state_key() + ".";
}

Refusal refused_ban(const Event& event, const StateMap& state, const PowerLevels& levels) {
    if (membership_of(state, event.sender()) != "join") return not_in_room(event.sender(), event);
    const std::int64_t sender_level = levels.of_user(event.sender());
    if (sender_level >= levels.to_ban() && levels.of_user(*event.state_key()) < sender_level) return std::nullopt;
    return "You don't have permission to ban";
}

Refusal refused_knock(const Event& event, const StateMap& state) {
    const std::string_view rule = join_rule_of(state);
    if (rule != "knock" && rule != "knock_restricted") return "You don't have permission to knock";
    if (event.sender() != *event.state_key()) return "You cannot knock for other users";
    const std::string_view membership = membership_of(state, event.sender());
    if (membership == "join") return "You cannot knock on a room you are already in";
    if (membership == "invite") return "You are already invited to this room";
    if (membership == "ban") return "You are banned from this room";
    return std::nullopt;
}

Refusal refused_membership(const Event& event, const StateMap& state, const PowerLevels& levels) {
    const std::optional<std::string_view> membership = event.membership();
    if (!event.state_key() || !membership) return "A member event has a state_key and a membership";
    if (*membership == "join") return refused_join(event, state, levels);
    if (*membership == "invite") return refused_invite(event, state, levels);
    if (*membership == "leave") return refused_leave(event, state, levels);
    if (*membership == "ban") return refused_ban(event, state, levels);
    if (*membership == "knock") return refused_knock(event, state);
    return "Unknown membership " + std::string(*membership);
}

}  // namespace

std::vector<StateMap::Key> auth_event_keys(const Event& event) {
    if (event.type() == "m.room.create") return {};
    std::vector<StateMap::Key> keys = {{"m.room.create", ""}, {"m.room.power_levels", ""}, {"m.room.member", event.sender()}};
    const std::optional<std::string_view> membership = event.membership();
    if (!membership || !event.state_key()) return keys;
    if (*event.state_key() != event.sender()) keys.emplace_back("m.room.member", *event.state_key());
    if (*membership == "join" || *membership == "invite" || *membership == "knock") keys.emplace_back("m.room.join_rules", "");
    if (*membership == "invite") {
        const JsonDict* const signed_part = signed_of(event);
        const std::string_view token = signed_part == nullptr ? std::string_view() : string_member_of(*signed_part, "token");
        if (!token.empty()) keys.emplace_back("m.room.third_party_invite", token);
    }
    const auto authorising = event.content_string("join_authorised_via_users_server");
    if (*membership == "join" && authorising && *authorising != event.sender()) {
        keys.emplace_back("m.room.member", *authorising);
    }
    return keys;
}

Refusal refused(const Event& event, const StateMap& auth_state) {
    if (event.type() == "m.room.create") return refused_create(event);
    const Event* const create = auth_state.find("m.room.create");
    if (create == nullptr) return "Unknown room";
    const JsonValue* const federate = create->content().if_contains("m.federate");
    if (federate != nullptr && federate->is_bool() && !federate->get_bool() &&
        callbacks::domain_of(event.sender()) != callbacks::domain_of(create->sender())) {
        return "This room has been marked as unfederatable.";
    }
    const PowerLevels levels(auth_state);
    if (event.type() == "m.room.member") return refused_membership(event, auth_state, levels);
    if (membership_of(auth_state, event.sender()) != "join") return not_in_room(event.sender(), event);

    const std::int64_t sender_level = levels.of_user(event.sender());
    if (event.type() == "m.room.third_party_invite") {
        if (sender_level >= levels.to_invite()) return std::nullopt;
        return "You don't have permission to invite users";
    }
    const std::int64_t needed = event.is_state() ? levels.for_state(event.type()) : levels.for_event(event.type());
    if (needed > sender_level) {
        return "You don't have permission to post that to the room. user_level (" + std::to_string(sender_level) +
               ") < send_level (" + std::to_string(needed) + ")";
    }
    if (event.is_state() && event.state_key()->starts_with('@') && *event.state_key() != event.sender()) {
        return "You are not allowed to set others state";
    }
    if (event.type() == "m.room.power_levels" && event.is_state()) {
        const Event* const before = auth_state.find("m.room.power_levels");
        return refused_power_levels(event.content(), before == nullptr ? nullptr : &before->content(), event.sender(),
                                    sender_level);
    }
    return std::nullopt;
}

}  // namespace homeserver
