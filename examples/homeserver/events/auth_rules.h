#pragma once

#include <callbacks/event.h>

#include <optional>
#include <string>
#include <vector>

/// The authorization rules of room version 10 (specification, "Room Version 10", "Authorization rules").
namespace homeserver {

/// Which state an event is authorized by: its `auth_events`, as far as the room has them.
[[nodiscard]] std::vector<callbacks::StateMap::Key> auth_event_keys(const callbacks::Event& event);

/// Why `event` is refused in a room with that state; none if it is allowed. The text is what the client sees with 403.
///
/// `auth_state` has at least what `auth_event_keys` names. Signatures of servers, that of a restricted join's authorising
/// server included, are the caller's to check; that of a third-party invite is checked here. Pure.
[[nodiscard]] std::optional<std::string> refused(const callbacks::Event& event, const callbacks::StateMap& auth_state);

}  // namespace homeserver
