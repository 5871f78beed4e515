#include "push/user_rules.h"

#include "events/stream.h"

#include <callbacks/errors.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <tuple>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;
using modapi::Transaction;

/// Every event of the user's rooms is judged by all of them.
constexpr std::size_t max_text = 64 * 1024;

JsonDict& object_in(JsonDict& parent, std::string_view key) {
    JsonValue& member = parent[key];
    if (!member.is_object()) member.emplace_object();
    return member.get_object();
}

/// A text of the table: `{"own": {KIND: [rule, ...]}, "defaults": {RULE_ID: {"enabled", "actions"}}}`.
class Changes {
public:
    explicit Changes(const std::optional<std::string>& text) {
        if (text) changes_ = boost::json::parse(*text).as_object();
    }
    [[nodiscard]] JsonArray& own(std::size_t kind) {
        JsonValue& rules = object_in(changes_, "own")[rule_kinds[kind]];
        if (!rules.is_array()) rules.emplace_array();
        return rules.get_array();
    }
    [[nodiscard]] JsonDict& of_defaults() { return object_in(changes_, "defaults"); }
    [[nodiscard]] std::string text() const { return boost::json::serialize(changes_); }

private:
    JsonDict changes_;
};

JsonArray::iterator find_own(JsonArray& rules, const std::string& rule_id) {
    return std::find_if(rules.begin(), rules.end(),
                        [&](const JsonValue& rule) { return rule.at("rule_id").as_string() == rule_id; });
}

PushRule own_rule(const JsonDict& stored) {
    PushRule rule;
    rule.rule_id = std::string(stored.at("rule_id").as_string());
    rule.actions = stored.at("actions").as_array();
    if (const JsonValue* const enabled = stored.if_contains("enabled")) rule.enabled = enabled->as_bool();
    if (const JsonValue* const conditions = stored.if_contains("conditions")) rule.conditions = conditions->as_array();
    if (const JsonValue* const pattern = stored.if_contains("pattern")) rule.content_pattern["pattern"] = *pattern;
    return rule;
}

void change_default(PushRule& rule, const JsonDict& changes) {
    const JsonValue* const changed = changes.if_contains(rule.rule_id);
    if (changed == nullptr) return;
    if (const JsonValue* const enabled = changed->as_object().if_contains("enabled")) rule.enabled = enabled->as_bool();
    if (const JsonValue* const actions = changed->as_object().if_contains("actions")) rule.actions = actions->as_array();
}

std::optional<std::string> stored_changes(Transaction& transaction, const std::string& user_id) {
    auto row = transaction.query_one<std::string>("SELECT changes FROM push_rules WHERE user_id = ?", user_id);
    if (!row) return std::nullopt;
    return std::move(std::get<0>(*row));
}

void store(Transaction& transaction, const std::string& user_id, const Changes& changes) {
    const std::string text = changes.text();
    if (text.size() > max_text) throw SynapseError(413, "Too many push rules", Codes::TOO_LARGE);
    const std::int64_t position = next_stream_position(transaction);
    transaction.execute(
        "INSERT INTO push_rules (user_id, changes, stream_position) VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET "
        "changes = excluded.changes, stream_position = excluded.stream_position",
        user_id, text, position);
}

[[noreturn]] void refuse_unknown(const RuleName& name) {
    throw callbacks::RuleNotFoundException("there is no push rule " + std::string(rule_kinds[name.kind]) + "/" + name.rule_id);
}

/// Where among the own rules a new one goes.
JsonArray::iterator place_in(JsonArray& rules, const RulePlace& place) {
    const std::optional<std::string>& beside = place.before ? place.before : place.after;
    if (!beside) return rules.begin();
    const auto found = find_own(rules, *beside);
    if (found == rules.end()) throw SynapseError(400, "before/after rule not found: " + *beside, Codes::UNKNOWN);
    return place.before ? found : found + 1;
}

}  // namespace

RuleSet rules_with(const std::optional<std::string>& text) {
    RuleSet rules = default_rules();
    if (!text) return rules;
    Changes changes(text);
    for (std::size_t kind = 0; kind < rules.size(); ++kind) {
        for (PushRule& rule : rules[kind]) change_default(rule, changes.of_defaults());
        std::vector<PushRule> own;
        for (const JsonValue& stored : changes.own(kind)) own.push_back(own_rule(stored.as_object()));
        // The master rule turns everything off, whatever else there is.
        const bool has_master = !rules[kind].empty() && rules[kind].front().rule_id == ".m.rule.master";
        rules[kind].insert(rules[kind].begin() + (has_master ? 1 : 0), own.begin(), own.end());
    }
    return rules;
}

RuleSet rules_of(Transaction& transaction, const std::string& user_id) {
    return rules_with(stored_changes(transaction, user_id));
}

JsonDict push_rules_content(Transaction& transaction, const std::string& user_id) {
    JsonDict content;
    content["global"] = described(rules_of(transaction, user_id), user_id);
    return content;
}

modapi::LaterRows<std::int64_t> push_rules_position(Transaction& transaction, const std::string& user_id) {
    return transaction.query_later<std::int64_t>("SELECT stream_position FROM push_rules WHERE user_id = ?", user_id);
}

void put_rule(Transaction& transaction, const RuleName& name, const JsonDict& rule, const RulePlace& place) {
    Changes changes(stored_changes(transaction, name.user_id));
    JsonArray& rules = changes.own(name.kind);
    JsonDict put = rule;
    if (const auto known = find_own(rules, name.rule_id); known != rules.end()) {
        if (const JsonValue* const enabled = known->as_object().if_contains("enabled")) put["enabled"] = *enabled;
        rules.erase(known);
    }
    rules.insert(place_in(rules, place), std::move(put));
    store(transaction, name.user_id, changes);
}

void remove_rule(Transaction& transaction, const RuleName& name) {
    Changes changes(stored_changes(transaction, name.user_id));
    JsonArray& rules = changes.own(name.kind);
    const auto known = find_own(rules, name.rule_id);
    if (known == rules.end()) refuse_unknown(name);
    rules.erase(known);
    store(transaction, name.user_id, changes);
}

void set_rule_attribute(Transaction& transaction, const RuleName& name, const std::string& attribute, const JsonValue& value) {
    Changes changes(stored_changes(transaction, name.user_id));
    JsonArray& own = changes.own(name.kind);
    const std::vector<PushRule>& defaults = default_rules()[name.kind];
    const bool is_default =
        std::any_of(defaults.begin(), defaults.end(), [&](const PushRule& rule) { return rule.rule_id == name.rule_id; });
    if (is_default) {
        object_in(changes.of_defaults(), name.rule_id)[attribute] = value;
    } else {
        const auto known = find_own(own, name.rule_id);
        if (known == own.end()) refuse_unknown(name);
        known->as_object()[attribute] = value;
    }
    store(transaction, name.user_id, changes);
}

}  // namespace homeserver
