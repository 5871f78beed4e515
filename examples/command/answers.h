#pragma once

#include <callbacks/auth_result.h>
#include <callbacks/event_decision.h>
#include <callbacks/json.h>
#include <callbacks/media.h>
#include <callbacks/presence.h>
#include <callbacks/ratelimit_override.h>
#include <callbacks/users.h>
#include <callbacks/verdict.h>

#include <concepts>
#include <optional>
#include <string>
#include <vector>

/// What callbacks answer, as JSON and in the contract's words.
namespace command {

[[nodiscard]] callbacks::JsonValue to_json(std::same_as<bool> auto truth) { return callbacks::JsonValue(truth); }
[[nodiscard]] callbacks::JsonValue to_json(std::same_as<int> auto number) { return callbacks::JsonValue(number); }
[[nodiscard]] callbacks::JsonValue to_json(const std::string& text);
[[nodiscard]] callbacks::JsonValue to_json(const callbacks::JsonDict& json);
/// The pair of the contract: a user id, and whether something runs with the login's response.
[[nodiscard]] callbacks::JsonValue to_json(const callbacks::AuthResult& result);
[[nodiscard]] callbacks::JsonValue to_json(const callbacks::EventDecision& decision);
[[nodiscard]] callbacks::JsonValue to_json(const callbacks::MediaUploadLimit& limit);
[[nodiscard]] callbacks::JsonValue to_json(const callbacks::RatelimitOverride& limit);
[[nodiscard]] callbacks::JsonValue to_json(const callbacks::UsersForStates& states);
template <class T>
[[nodiscard]] callbacks::JsonValue to_json(const std::vector<T>& list);
template <class T>
[[nodiscard]] callbacks::JsonValue to_json(const std::optional<T>& value) {
    return value ? to_json(*value) : callbacks::JsonValue(nullptr);
}
template <class T>
callbacks::JsonValue to_json(const std::vector<T>& list) {
    callbacks::JsonArray items;
    for (const T& item : list) items.push_back(to_json(item));
    return items;
}

/// The answer in one line.
template <class T>
[[nodiscard]] std::string line_of(const T& answer) {
    return boost::json::serialize(to_json(answer));
}
/// NOT_SPAM, or an error's code and what else the client is told.
[[nodiscard]] std::string line_of(const callbacks::Verdict& verdict);
[[nodiscard]] std::string line_of(callbacks::RegistrationBehaviour behaviour);
/// PRESENCE_ALL_USERS, or a list in order.
[[nodiscard]] std::string line_of(const callbacks::InterestedUsers& users);

}  // namespace command
