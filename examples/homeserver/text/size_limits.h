#pragma once

#include <callbacks/errors.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace homeserver {

/// What a client may have stored or looked at is bounded, so that nobody fills the memory or the disk by one request; the
/// operators' document (libmodapi/docs/limits.md) lists all of these. Errors: SynapseError 400 `M_TOO_LARGE` that names the
/// member and the limit.
inline void require_bytes(std::string_view member, std::size_t found, std::size_t max) {
    if (found <= max) return;
    throw callbacks::SynapseError(400, "'" + std::string(member) + "' must have at most " + std::to_string(max) + " bytes",
                                  callbacks::Codes::TOO_LARGE);
}
inline void require_entries(std::string_view member, std::size_t found, std::size_t max) {
    if (found <= max) return;
    throw callbacks::SynapseError(400, "'" + std::string(member) + "' must have at most " + std::to_string(max) + " entries",
                                  callbacks::Codes::TOO_LARGE);
}

}  // namespace homeserver
