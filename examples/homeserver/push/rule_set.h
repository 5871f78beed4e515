#pragma once

#include <callbacks/json.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// The five kinds of push rules, in the order in which they are asked.
inline constexpr std::array<std::string_view, 5> rule_kinds = {"override", "content", "room", "sender", "underride"};

/// Which of rule_kinds it is; none of them: none.
[[nodiscard]] std::optional<std::size_t> rule_kind_of(std::string_view name) noexcept;

/// One push rule. A default rule is everybody's: what in it depends on whose it is, is a placeholder, `pattern_type` or
/// `value_type`, with the value `user_id` or `user_localpart`.
struct PushRule {
    std::string rule_id;
    bool is_default = false;
    bool enabled = true;
    callbacks::JsonArray actions;
    callbacks::JsonArray conditions;      ///< of override and underride rules
    callbacks::JsonDict content_pattern;  ///< of a content rule: its `pattern`, or a placeholder
};

/// All rules of somebody: by kind, each in the order in which they are asked.
using RuleSet = std::array<std::vector<PushRule>, rule_kinds.size()>;

/// What everybody has who changed nothing.
[[nodiscard]] const RuleSet& default_rules();

/// The value in `object` under `name`, or what its placeholder `NAME_type` stands for; null if there is neither.
[[nodiscard]] callbacks::JsonValue value_for(const callbacks::JsonDict& object, std::string_view name,
                                             std::string_view user_id);

/// A rule, or all of one kind or all, as clients are told them.
[[nodiscard]] callbacks::JsonDict described(const PushRule& rule, std::size_t kind, std::string_view user_id);
[[nodiscard]] callbacks::JsonArray described(const std::vector<PushRule>& rules, std::size_t kind, std::string_view user_id);
[[nodiscard]] callbacks::JsonDict described(const RuleSet& rules, std::string_view user_id);

/// Whether an action or list of actions is one that rules may have: `notify`, `dont_notify`, `coalesce`, or `set_tweak`.
[[nodiscard]] bool is_push_action(const callbacks::JsonValue& action);

}  // namespace homeserver
