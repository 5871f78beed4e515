#include "answers.h"

#include <map>
#include <set>

namespace command {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

JsonValue to_json(const std::string& text) { return JsonValue(boost::json::string_view(text.data(), text.size())); }

JsonValue to_json(const JsonDict& json) { return JsonValue(json, callbacks::JsonMemory()); }

JsonValue to_json(const callbacks::AuthResult& result) {
    JsonArray pair;
    pair.emplace_back(to_json(result.user_id));
    pair.emplace_back(result.on_response ? JsonValue("a callback for the response") : JsonValue(nullptr));
    return pair;
}

JsonValue to_json(const callbacks::EventDecision& decision) {
    JsonArray pair;
    pair.emplace_back(decision.allowed());
    pair.emplace_back(to_json(decision.replacement()));
    return pair;
}

JsonValue to_json(const callbacks::MediaUploadLimit& limit) {
    JsonDict json;
    json["max_bytes"] = limit.max_bytes();
    json["time_period_ms"] = limit.time_period_ms();
    return json;
}

JsonValue to_json(const callbacks::RatelimitOverride& limit) {
    JsonDict json;
    json["per_second"] = limit.per_second();
    json["burst_count"] = limit.burst_count();
    return json;
}

JsonValue to_json(const callbacks::UsersForStates& states) {
    std::map<std::string, std::map<std::string, JsonDict>> in_order;
    for (const auto& [user, presences] : states) {
        auto& of_user = in_order[user];
        for (const callbacks::UserPresenceState& presence : presences) {
            JsonDict& json = of_user[presence.user_id];
            json["user_id"] = presence.user_id;
            json["state"] = presence.state;
            json["last_active_ts"] = presence.last_active_ts;
            json["last_federation_update_ts"] = presence.last_federation_update_ts;
            json["last_user_sync_ts"] = presence.last_user_sync_ts;
            json["status_msg"] = to_json(presence.status_msg);
            json["currently_active"] = presence.currently_active;
        }
    }
    JsonDict all;
    for (const auto& [user, presences] : in_order) {
        JsonArray of_user;
        for (const auto& [about, json] : presences) of_user.emplace_back(to_json(json));
        all[user] = std::move(of_user);
    }
    return all;
}

std::string line_of(const callbacks::Verdict& verdict) {
    if (!verdict.is_spam()) return "NOT_SPAM";
    JsonDict told;
    if (verdict.text()) told["error"] = to_json(std::string(*verdict.text()));
    for (const auto& field : verdict.additional_fields()) told[field.key()] = field.value();
    const std::string code(verdict.errcode());
    return told.empty() ? code : code + " " + boost::json::serialize(told);
}

std::string line_of(callbacks::RegistrationBehaviour behaviour) {
    switch (behaviour) {
        case callbacks::RegistrationBehaviour::ALLOW:
            return "ALLOW";
        case callbacks::RegistrationBehaviour::SHADOW_BAN:
            return "SHADOW_BAN";
        case callbacks::RegistrationBehaviour::DENY:
            break;
    }
    return "DENY";
}

std::string line_of(const callbacks::InterestedUsers& users) {
    if (users.is_everyone()) return "PRESENCE_ALL_USERS";
    const std::set<std::string> in_order(users.users().begin(), users.users().end());
    return line_of(std::vector<std::string>(in_order.begin(), in_order.end()));
}

}  // namespace command
