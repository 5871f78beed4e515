#include "push/evaluated_event.h"

#include "events/power_levels.h"

#include <modapi/case_folding.h>
#include <modapi/glob.h>

#include <algorithm>
#include <charconv>

namespace homeserver {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;

bool guesses_mentions(std::string_view rule_id) {
    return rule_id == ".m.rule.contains_display_name" || rule_id == ".m.rule.contains_user_name" ||
           rule_id == ".m.rule.roomnotif";
}

std::string_view text_in(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

/// The next part of a key and what is behind it; `\.` and `\\` stand for `.` and `\`.
std::string take_part(std::string_view& key) {
    std::string part;
    while (!key.empty()) {
        char character = key.front();
        key.remove_prefix(1);
        if (character == '.') return part;
        if (character == '\\' && !key.empty() && (key.front() == '.' || key.front() == '\\')) {
            character = key.front();
            key.remove_prefix(1);
        }
        part += character;
    }
    return part;
}

/// What is at a key inside an object; null: nothing, or there is no object, or no key.
const JsonValue* value_in(const JsonDict* inside, std::string_view key) {
    while (inside != nullptr && !key.empty()) {
        const JsonValue* const value = inside->if_contains(take_part(key));
        if (value == nullptr || key.empty()) return value;
        inside = value->if_object();
    }
    return nullptr;
}

/// Whether something in it stands for who the user is.
bool is_about_user(const JsonDict& object) { return object.contains("pattern_type") || object.contains("value_type"); }

bool is_simple(const JsonValue& value) { return value.is_string() || value.is_int64() || value.is_bool() || value.is_null(); }

/// Only what is of the same type is the same.
bool is_same(const JsonValue& left, const JsonValue& right) {
    return is_simple(left) && left.kind() == right.kind() && left == right;
}

}  // namespace

EvaluatedEvent::EvaluatedEvent(const callbacks::Event& event, const callbacks::StateMap& state, std::size_t members)
    : event_(event),
      state_(state),
      says_whom_it_mentions_(event.content().contains("m.mentions")),
      members_(static_cast<std::int64_t>(members)) {}

const PushRule* EvaluatedEvent::deciding_rule(const RuleSet& rules, const std::string& user_id) {
    for (std::size_t kind = 0; kind < rules.size(); ++kind) {
        for (const PushRule& rule : rules[kind]) {
            if (rule.enabled && applies(rule, kind, user_id)) return &rule;
        }
    }
    return nullptr;
}

bool EvaluatedEvent::applies(const PushRule& rule, std::size_t kind, const std::string& user_id) {
    if (rule.is_default && says_whom_it_mentions_ && guesses_mentions(rule.rule_id)) return false;
    const std::string_view name = rule_kinds[kind];
    if (name == "room") return rule.rule_id == event_.room_id();
    if (name == "sender") return rule.rule_id == event_.sender();
    if (user_id.empty() && is_about_user(rule.content_pattern)) return false;
    if (name == "content") return event_match("content.body", value_for(rule.content_pattern, "pattern", user_id));
    return std::all_of(rule.conditions.begin(), rule.conditions.end(),
                       [&](const JsonValue& condition) { return is_met(condition.as_object(), user_id); });
}

bool EvaluatedEvent::is_met(const JsonDict& condition, const std::string& user_id) {
    const std::string_view kind = text_in(condition, "kind");
    const std::string_view key = text_in(condition, "key");
    if (user_id.empty() && is_about_user(condition)) return false;
    if (kind == "event_match") return event_match(key, value_for(condition, "pattern", user_id));
    if (kind == "contains_display_name") return contains_display_name(user_id);
    if (kind == "room_member_count") return room_member_count(text_in(condition, "is"));
    if (kind == "sender_notification_permission") return sender_may_notify(key);
    const JsonValue* const found = value_at(key);
    if (found == nullptr) return false;
    const JsonValue wanted = value_for(condition, "value", user_id);
    if (kind == "event_property_is") return is_same(*found, wanted);
    if (kind != "event_property_contains" || !found->is_array()) return false;
    const callbacks::JsonArray& values = found->get_array();
    return std::any_of(values.begin(), values.end(), [&](const JsonValue& value) { return is_same(value, wanted); });
}

bool EvaluatedEvent::event_match(std::string_view key, const JsonValue& pattern) {
    const JsonValue* const found = value_at(key);
    if (found == nullptr || !found->is_string() || !pattern.is_string()) return false;
    const modapi::Glob wanted(modapi::characters_without_case(pattern.get_string()));
    const std::u32string text = modapi::characters_without_case(found->get_string());
    return key == "content.body" ? wanted.matches_words(text) : wanted.matches(text);
}

bool EvaluatedEvent::contains_display_name(const std::string& user_id) const {
    if (!body() || user_id.empty()) return false;
    const std::string_view name = name_in_room(user_id);
    return !name.empty() && modapi::Glob(modapi::characters_without_case(name), modapi::Glob::Wildcards::none)
                                .matches_words(modapi::characters_without_case(*body()));
}

std::string_view EvaluatedEvent::name_in_room(const std::string& user_id) const {
    const callbacks::Event* const member = state_.find("m.room.member", user_id);
    return member == nullptr ? std::string_view() : member->content_string("displayname").value_or(std::string_view());
}

bool EvaluatedEvent::room_member_count(std::string_view wanted) const {
    const std::size_t digits = std::min(wanted.find_first_not_of("<>="), wanted.size());
    const std::string_view comparison = wanted.substr(0, digits);
    std::int64_t count = 0;
    const char* const end = wanted.data() + wanted.size();
    const std::from_chars_result read = std::from_chars(wanted.data() + digits, end, count);
    if (read.ec != std::errc() || read.ptr != end) return false;
    if (comparison.empty() || comparison == "==") return members_ == count;
    if (comparison == "<") return members_ < count;
    if (comparison == ">") return members_ > count;
    if (comparison == "<=") return members_ <= count;
    return comparison == ">=" && members_ >= count;
}

bool EvaluatedEvent::sender_may_notify(std::string_view key) {
    const auto known = may_notify_.find(key);
    if (known != may_notify_.end()) return known->second;
    const PowerLevels levels(state_);
    const bool may = levels.of_user(event_.sender()) >= levels.to_notify(key);
    may_notify_.emplace(key, may);
    return may;
}

const JsonDict& EvaluatedEvent::own_fields() {
    if (own_) return *own_;
    JsonDict& own = own_.emplace();
    own["type"] = event_.type();
    own["room_id"] = event_.room_id();
    own["sender"] = event_.sender();
    own["origin_server_ts"] = event_.origin_server_ts();
    if (event_.state_key()) own["state_key"] = *event_.state_key();
    if (event_.event_id()) own["event_id"] = *event_.event_id();
    if (event_.redacts()) own["redacts"] = *event_.redacts();
    return own;
}

const JsonValue* EvaluatedEvent::value_at(std::string_view key) {
    const std::string first = take_part(key);
    const JsonDict& other = event_.other();
    if (first == "unsigned") return value_in(&event_.unsigned_fields(), key);
    if (first == "content" && !other.contains(first)) return value_in(&event_.content(), key);
    const JsonValue* const value = other.contains(first) ? other.if_contains(first) : own_fields().if_contains(first);
    if (value == nullptr || key.empty()) return value;
    return value_in(value->if_object(), key);
}

}  // namespace homeserver
