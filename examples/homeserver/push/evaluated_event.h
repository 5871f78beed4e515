#pragma once

#include "push/rule_set.h"

#include <callbacks/event.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// An event that the push rules of its room's members are asked about, and the room's state with it. Both outlive it.
class EvaluatedEvent {
public:
    /// `members`: how many are joined.
    EvaluatedEvent(const callbacks::Event& event, const callbacks::StateMap& state, std::size_t members);

    /// The rule that decides for this user: the first that is enabled and whose conditions are met; null: none. Without a user
    /// it decides for everybody whom the event doesn't mention or invite: what is said of the user isn't so.
    [[nodiscard]] const PushRule* deciding_rule(const RuleSet& rules, const std::string& user_id);

private:
    [[nodiscard]] bool applies(const PushRule& rule, std::size_t kind, const std::string& user_id);
    /// One condition of a rule. One that isn't known isn't met.
    [[nodiscard]] bool is_met(const callbacks::JsonDict& condition, const std::string& user_id);
    [[nodiscard]] bool event_match(std::string_view key, const callbacks::JsonValue& pattern);
    [[nodiscard]] bool contains_display_name(const std::string& user_id) const;
    /// What the user is called in the room; empty for who has no name there.
    [[nodiscard]] std::string_view name_in_room(const std::string& user_id) const;
    [[nodiscard]] bool room_member_count(std::string_view wanted) const;
    [[nodiscard]] bool sender_may_notify(std::string_view key);
    /// What is at a key of the rules' form: `content.m\.mentions.user_ids`; null if nothing is there, or
    /// the content or `unsigned` as a whole, which no condition is met by.
    [[nodiscard]] const callbacks::JsonValue* value_at(std::string_view key);
    /// What Event::get_dict has of an event as texts and numbers of its own.
    [[nodiscard]] const callbacks::JsonDict& own_fields();
    [[nodiscard]] std::optional<std::string_view> body() const noexcept { return event_.content_string("body"); }

    const callbacks::Event& event_;
    const callbacks::StateMap& state_;
    std::optional<callbacks::JsonDict> own_;  ///< once it was asked for
    bool says_whom_it_mentions_;  ///< then the rules that guess it from the text don't apply
    std::int64_t members_;
    std::map<std::string, bool, std::less<>> may_notify_;  ///< by key
};

}  // namespace homeserver
