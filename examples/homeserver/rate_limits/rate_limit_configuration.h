#pragma once

#include "rate_limits/rate_limit_settings.h"

#include <modapi/config_section.h>
#include <modapi/hosting/configuration_reader.h>

#include <array>
#include <string_view>

namespace homeserver {

/// The top-level keys that `read_rate_limits` reads.
inline constexpr std::array<std::string_view, 5> rate_limit_keys = {"rc_message", "rc_registration", "rc_login", "rc_joins",
                                                                    "rc_invites"};

/// Reads `rc_message`, `rc_registration`, `rc_login`, `rc_joins` and `rc_invites` of `root`; what isn't said is as usual. Keys
/// below them that nobody knows are warned about by `reader`. Errors: callbacks::ConfigError for what is negative or no number.
[[nodiscard]] RateLimitSettings read_rate_limits(const modapi::ConfigSection& root, const modapi::ConfigurationReader& reader);

}  // namespace homeserver
