#pragma once

#include "push/rule_set.h"

#include <modapi/database.h>

#include <callbacks/event.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// An event that the push rules of its room's members are asked about. For use inside a transaction, which outlives it; looks
/// up what of the room a rule asks for when one does.
class EvaluatedEvent {
public:
    EvaluatedEvent(modapi::Transaction& transaction, const callbacks::Event& event);

    /// The rule that decides for this user: the first that is enabled and whose conditions are met; null: none.
    [[nodiscard]] const PushRule* deciding_rule(const RuleSet& rules, const std::string& user_id);

private:
    [[nodiscard]] bool applies(const PushRule& rule, std::size_t kind, const std::string& user_id);
    /// One condition of a rule. One that isn't known isn't met.
    [[nodiscard]] bool is_met(const callbacks::JsonDict& condition, const std::string& user_id);
    [[nodiscard]] bool event_match(std::string_view key, const callbacks::JsonValue& pattern) const;
    [[nodiscard]] bool contains_display_name(const std::string& user_id);
    /// What local users are called in the room; empty for who has no name there.
    [[nodiscard]] const std::string& name_in_room(const std::string& user_id);
    [[nodiscard]] bool room_member_count(std::string_view wanted);
    [[nodiscard]] bool sender_may_notify(std::string_view key);
    /// What is at a key of the rules' form: `content.m\.mentions.user_ids`; null if nothing is.
    [[nodiscard]] const callbacks::JsonValue* value_at(std::string_view key) const;
    [[nodiscard]] std::optional<std::string_view> body() const noexcept { return event_.content_string("body"); }

    modapi::Transaction& transaction_;
    const callbacks::Event& event_;
    callbacks::JsonDict fields_;
    bool says_whom_it_mentions_;  ///< then the rules that guess it from the text don't apply
    std::optional<std::int64_t> members_;
    std::optional<std::map<std::string, std::string>> names_;  ///< in the room, by local user; read for all of them at once
    std::map<std::string, bool, std::less<>> may_notify_;      ///< by key
};

}  // namespace homeserver
