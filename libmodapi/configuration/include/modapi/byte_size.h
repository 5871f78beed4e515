#pragma once

#include <modapi/config_section.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace modapi {

/// Reads a size as configurations write it: a whole number of bytes, or one with `K`, `M`, `G` or `T` after it, each 1,024 times
/// the one before. None for anything else, and for what doesn't fit. Pure.
[[nodiscard]] std::optional<std::int64_t> parse_byte_size(std::string_view text) noexcept;

/// The size at `key` of a configuration, in bytes: an integer, or a string that parse_byte_size reads. None if the key is
/// missing. Errors: callbacks::ConfigError with the path, for anything else, what is negative and what doesn't fit.
[[nodiscard]] std::optional<std::int64_t> optional_byte_size(const ConfigSection& config, std::string_view key);

/// The size at a key that must be there. Errors: those of optional_byte_size; "is required".
[[nodiscard]] std::int64_t required_byte_size(const ConfigSection& config, std::string_view key);

}  // namespace modapi
