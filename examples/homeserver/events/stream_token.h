#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace homeserver {

/// `s12` for position 12 of the stream: what syncs and pages of messages hand to clients.
[[nodiscard]] std::string token_of_position(std::int64_t position);
/// Errors: SynapseError 400 `M_INVALID_PARAM` "Invalid stream token".
[[nodiscard]] std::int64_t position_of_token(std::string_view token);

}  // namespace homeserver
