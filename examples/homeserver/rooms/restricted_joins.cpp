#include "rooms/restricted_joins.h"

#include "events/power_levels.h"
#include "events/room_store.h"

#include <callbacks/errors.h>
#include <callbacks/identifiers.h>

#include <algorithm>
#include <vector>

namespace homeserver {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::Transaction;

std::optional<std::string_view> text_of(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return value->get_string();
}

/// Whether one of the conditions is that the user is in a room that they are in.
bool meets_a_condition(Transaction& transaction, const JsonDict& join_rules, const std::string& user_id) {
    const JsonValue* const conditions = join_rules.if_contains("allow");
    if (conditions == nullptr || !conditions->is_array()) return false;
    const auto is_met = [&](const JsonValue& condition) {
        if (!condition.is_object() || text_of(condition.get_object(), "type") != "m.room_membership") return false;
        const std::optional<std::string_view> room_id = text_of(condition.get_object(), "room_id");
        return room_id && membership_of(transaction, std::string(*room_id), user_id) == "join";
    };
    return std::any_of(conditions->get_array().begin(), conditions->get_array().end(), is_met);
}

std::optional<std::string> who_may_invite(Transaction& transaction, const std::string& room_id,
                                          const std::string& server_name) {
    const callbacks::StateMap state = current_state(transaction, room_id);
    const PowerLevels levels(state);
    for (std::string& user_id : users_with_membership(transaction, room_id, "join")) {
        if (callbacks::domain_of(user_id) != server_name) continue;
        if (levels.of_user(user_id) >= levels.to_invite()) return std::move(user_id);
    }
    return std::nullopt;
}

}  // namespace

Admission find_admission(Transaction& transaction, const std::string& room_id, const std::string& user_id,
                         const std::string& server_name) {
    Admission admission;
    const std::optional<callbacks::Event> rules = current_state_event(transaction, room_id, "m.room.join_rules", "");
    const std::string_view rule = rules ? rules->content_string("join_rule").value_or("") : "";
    if (rule != "restricted" && rule != "knock_restricted") return admission;
    const std::string membership = membership_of(transaction, room_id, user_id);
    admission.is_needed = membership != "join" && membership != "invite";
    if (!admission.is_needed || membership == "ban") return admission;
    if (meets_a_condition(transaction, rules->content(), user_id)) {
        admission.authorised_by = who_may_invite(transaction, room_id, server_name);
    }
    return admission;
}

std::optional<std::string> require_admission(const Admission& admission) {
    if (admission.is_needed && !admission.authorised_by) {
        throw callbacks::SynapseError(403, "You do not belong to any of the required rooms/spaces to join this room.",
                                      callbacks::Codes::FORBIDDEN);
    }
    return admission.authorised_by;
}

}  // namespace homeserver
