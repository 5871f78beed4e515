#pragma once

#include "push/rule_set.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <string>

/// What users changed in their push rules. Every function is for use inside a transaction; whoever changed something wakes the
/// user's syncs.
namespace homeserver {

/// The default rules with what the user changed: `changes` is a text of the table push_rules; none: nothing.
[[nodiscard]] RuleSet rules_with(const std::optional<std::string>& changes);
[[nodiscard]] RuleSet rules_of(modapi::Transaction& transaction, const std::string& user_id);
/// As the content of `m.push_rules` account data.
[[nodiscard]] callbacks::JsonDict push_rules_content(modapi::Transaction& transaction, const std::string& user_id);
/// Where in the stream the user changed rules last, in a row that comes with the transaction's next statement; none: never.
[[nodiscard]] modapi::LaterRows<std::int64_t> push_rules_position(modapi::Transaction& transaction, const std::string& user_id);

/// Which rule of a user is meant.
struct RuleName {
    std::string user_id;
    std::size_t kind = 0;
    std::string rule_id;
};
/// Where a rule is put: directly before or after another one of the user's own; neither: first of the own ones.
struct RulePlace {
    std::optional<std::string> before;
    std::optional<std::string> after;
};

/// Puts a rule of the user's own (rule_id, actions, and conditions or pattern) in its place, instead of the one of that name,
/// whose `enabled` stays. Errors: SynapseError 400 for a place beside a rule that isn't there; 413 for too many rules.
void put_rule(modapi::Transaction& transaction, const RuleName& name, const callbacks::JsonDict& rule, const RulePlace& place);
/// The others throw callbacks::RuleNotFoundException; a default rule can't be removed.
void remove_rule(modapi::Transaction& transaction, const RuleName& name);
/// Sets one attribute, `enabled` or `actions`, of an own or a default rule.
void set_rule_attribute(modapi::Transaction& transaction, const RuleName& name, const std::string& attribute,
                        const callbacks::JsonValue& value);

}  // namespace homeserver
