#pragma once

#include <callbacks/identifiers.h>
#include <callbacks/json.h>

#include <optional>
#include <string>
#include <string_view>

/// What ModuleApi promises of its arguments and every host relies on.
namespace modapi {

/// A text that a host is to keep. `name` is what the argument is called. Errors: SynapseError 400 `M_INVALID_PARAM` for what is
/// no UTF-8 or has a NUL character.
void require_text(const std::string& text, std::string_view name);
void require_text(const std::optional<std::string>& text, std::string_view name);

/// Errors of these: SynapseError 400 `M_INVALID_PARAM`.
[[nodiscard]] callbacks::UserID parsed_user(std::string text);
[[nodiscard]] callbacks::RoomID parsed_room(std::string text);
[[nodiscard]] callbacks::RoomAlias parsed_alias(std::string text);

/// A user of this server, for whom it can do or keep something. Errors: ForeignUserError 400; SynapseError 400.
[[nodiscard]] callbacks::UserID local_user(std::string text, std::string_view server_name);
/// A user of this server, since no other one can be found here. Errors: ForeignUserError 404 "No row found"; SynapseError 400.
[[nodiscard]] callbacks::UserID user_with_account(std::string text, std::string_view server_name);

/// What a module wants to send as an event. Errors: those of create_and_send_event_into_room.
void require_sendable(const callbacks::JsonDict& event, std::string_view server_name);

/// Errors: SynapseError 400 "Invalid membership key".
void require_membership_change(std::string_view word);

}  // namespace modapi
