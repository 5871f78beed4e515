#pragma once

#include <modapi/config_section.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace modapi {

/// Reads a duration as configurations write it: a whole number of milliseconds, or one with a unit of `s`, `m`, `h`, `d`, `w`
/// or `y` (365 days) after it. None for anything else, and for what doesn't fit. Pure.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

/// The duration at `key` of a configuration: an integer of milliseconds, or a string that parse_duration reads. None if the key
/// is missing. Errors: callbacks::ConfigError with the path, for anything else, what is negative and what doesn't fit.
[[nodiscard]] std::optional<std::chrono::milliseconds> optional_duration(const ConfigSection& config, std::string_view key);

/// The duration at a key that must be there. Errors: those of optional_duration; "is required".
[[nodiscard]] std::chrono::milliseconds required_duration(const ConfigSection& config, std::string_view key);

}  // namespace modapi
