#pragma once

#include <modapi/config_section.h>

#include <chrono>
#include <optional>
#include <string_view>

/// A duration of a module's configuration, in the contract's forms: an integer is milliseconds; a string is a whole number with
/// a unit of `s`, `m`, `h`, `d`, `w` or `y` (365 days) behind it, without unit milliseconds. None if the key is missing. For
/// parse_config. Errors: callbacks::ConfigError with the path, for anything else, what is negative and what doesn't fit.
[[nodiscard]] std::optional<std::chrono::milliseconds> configured_period(const modapi::ConfigSection& config,
                                                                         std::string_view key);
/// The same for a key that must be there.
[[nodiscard]] std::chrono::milliseconds required_period(const modapi::ConfigSection& config, std::string_view key);
