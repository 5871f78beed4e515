#include "push/rule_set.h"

#include <callbacks/identifiers.h>

#include <boost/json/parse.hpp>

#include <algorithm>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

/// A default rule as the table below says it.
struct DefaultRule {
    const char* kind;
    const char* rule_id;
    const char* conditions;  ///< of a content rule: its pattern
    const char* actions;
};

constexpr const char* nothing = "[]";
constexpr const char* quietly = R"(["notify",{"set_tweak":"highlight","value":false}])";
constexpr const char* with_sound =
    R"(["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight","value":false}])";
constexpr const char* highlighted = R"(["notify",{"set_tweak":"highlight"}])";
constexpr const char* highlighted_with_sound =
    R"(["notify",{"set_tweak":"highlight"},{"set_tweak":"sound","value":"default"}])";

/// The Matrix specification's ("Predefined rules"), in their order, and the one that the contract's server adds for widgets.
constexpr DefaultRule default_table[] = {
    {"override", ".m.rule.master", "[]", nothing},
    {"override", ".m.rule.suppress_notices", R"([{"kind":"event_match","key":"content.msgtype","pattern":"m.notice"}])",
     nothing},
    {"override", ".m.rule.invite_for_me",
     R"([{"kind":"event_match","key":"type","pattern":"m.room.member"},
         {"kind":"event_match","key":"content.membership","pattern":"invite"},
         {"kind":"event_match","key":"state_key","pattern_type":"user_id"}])",
     with_sound},
    {"override", ".m.rule.member_event", R"([{"kind":"event_match","key":"type","pattern":"m.room.member"}])", nothing},
    {"override", ".m.rule.is_user_mention",
     R"([{"kind":"event_property_contains","key":"content.m\\.mentions.user_ids","value_type":"user_id"}])",
     highlighted_with_sound},
    {"override", ".m.rule.contains_display_name", R"([{"kind":"contains_display_name"}])", highlighted_with_sound},
    {"override", ".m.rule.is_room_mention",
     R"([{"kind":"event_property_is","key":"content.m\\.mentions.room","value":true},
         {"kind":"sender_notification_permission","key":"room"}])",
     highlighted},
    {"override", ".m.rule.roomnotif",
     R"([{"kind":"sender_notification_permission","key":"room"},
         {"kind":"event_match","key":"content.body","pattern":"@room"}])",
     highlighted},
    {"override", ".m.rule.tombstone",
     R"([{"kind":"event_match","key":"type","pattern":"m.room.tombstone"},{"kind":"event_match","key":"state_key","pattern":""}])",
     highlighted},
    {"override", ".m.rule.reaction", R"([{"kind":"event_match","key":"type","pattern":"m.reaction"}])", nothing},
    {"override", ".m.rule.room.server_acl",
     R"([{"kind":"event_match","key":"type","pattern":"m.room.server_acl"},
         {"kind":"event_match","key":"state_key","pattern":""}])",
     nothing},
    {"override", ".m.rule.suppress_edits",
     R"([{"kind":"event_property_is","key":"content.m\\.relates_to.rel_type","value":"m.replace"}])", nothing},
    {"content", ".m.rule.contains_user_name", R"({"pattern_type":"user_localpart"})", highlighted_with_sound},
    {"underride", ".m.rule.call", R"([{"kind":"event_match","key":"type","pattern":"m.call.invite"}])",
     R"(["notify",{"set_tweak":"sound","value":"ring"},{"set_tweak":"highlight","value":false}])"},
    {"underride", ".m.rule.room_one_to_one",
     R"([{"kind":"room_member_count","is":"2"},{"kind":"event_match","key":"type","pattern":"m.room.message"}])", with_sound},
    {"underride", ".m.rule.encrypted_room_one_to_one",
     R"([{"kind":"room_member_count","is":"2"},{"kind":"event_match","key":"type","pattern":"m.room.encrypted"}])", with_sound},
    {"underride", ".m.rule.message", R"([{"kind":"event_match","key":"type","pattern":"m.room.message"}])", quietly},
    {"underride", ".m.rule.encrypted", R"([{"kind":"event_match","key":"type","pattern":"m.room.encrypted"}])", quietly},
    {"underride", ".im.vector.jitsi",
     R"([{"kind":"event_match","key":"type","pattern":"im.vector.modular.widgets"},
         {"kind":"event_match","key":"content.type","pattern":"jitsi"},{"kind":"event_match","key":"state_key","pattern":"*"}])",
     quietly},
};

RuleSet made_default_rules() {
    RuleSet rules;
    for (const DefaultRule& entry : default_table) {
        PushRule rule;
        rule.rule_id = entry.rule_id;
        rule.is_default = true;
        rule.enabled = rule.rule_id != ".m.rule.master";
        rule.actions = boost::json::parse(entry.actions).as_array();
        JsonValue about = boost::json::parse(entry.conditions);
        if (about.is_array()) {
            rule.conditions = std::move(about.get_array());
        } else {
            rule.content_pattern = std::move(about.as_object());
        }
        rules[rule_kind_of(entry.kind).value()].push_back(std::move(rule));
    }
    return rules;
}

constexpr std::string_view placeheld[] = {"pattern", "value"};

/// Without placeholders.
JsonDict filled(const JsonDict& object, std::string_view user_id) {
    JsonDict told = object;
    for (const std::string_view name : placeheld) {
        if (told.erase(std::string(name) + "_type") != 0) told[name] = value_for(object, name, user_id);
    }
    return told;
}

}  // namespace

std::optional<std::size_t> rule_kind_of(std::string_view name) noexcept {
    const auto found = std::find(rule_kinds.begin(), rule_kinds.end(), name);
    if (found == rule_kinds.end()) return std::nullopt;
    return static_cast<std::size_t>(found - rule_kinds.begin());
}

const RuleSet& default_rules() {
    static const RuleSet rules = made_default_rules();
    return rules;
}

JsonValue value_for(const JsonDict& object, std::string_view name, std::string_view user_id) {
    if (const JsonValue* const value = object.if_contains(name)) return *value;
    const JsonValue* const placeholder = object.if_contains(std::string(name) + "_type");
    if (placeholder == nullptr) return nullptr;
    if (*placeholder == "user_id") return JsonValue(user_id);
    if (*placeholder == "user_localpart") return JsonValue(callbacks::localpart_of(user_id));
    return nullptr;
}

JsonDict described(const PushRule& rule, std::size_t kind, std::string_view user_id) {
    JsonDict told;
    told["rule_id"] = rule.rule_id;
    told["default"] = rule.is_default;
    told["enabled"] = rule.enabled;
    if (rule_kinds[kind] == "content") told["pattern"] = value_for(rule.content_pattern, "pattern", user_id);
    if (rule_kinds[kind] == "override" || rule_kinds[kind] == "underride") {
        JsonArray conditions;
        for (const JsonValue& condition : rule.conditions) conditions.emplace_back(filled(condition.as_object(), user_id));
        told["conditions"] = std::move(conditions);
    }
    told["actions"] = rule.actions;
    return told;
}

JsonArray described(const std::vector<PushRule>& rules, std::size_t kind, std::string_view user_id) {
    JsonArray told;
    for (const PushRule& rule : rules) told.emplace_back(described(rule, kind, user_id));
    return told;
}

JsonDict described(const RuleSet& rules, std::string_view user_id) {
    JsonDict told;
    for (std::size_t kind = 0; kind < rule_kinds.size(); ++kind) {
        told[rule_kinds[kind]] = described(rules[kind], kind, user_id);
    }
    return told;
}

bool is_push_action(const JsonValue& action) {
    if (action.is_object()) return action.get_object().contains("set_tweak");
    return action == "notify" || action == "dont_notify" || action == "coalesce";
}

}  // namespace homeserver
