#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace homeserver {

/// Milliseconds of a duration as configurations write it: a number of milliseconds, or one with a unit of `s`, `m`, `h`, `d`,
/// `w` or `y` (365 days) behind it. None for anything else, and for what doesn't fit.
[[nodiscard]] std::optional<std::int64_t> configured_duration_ms(std::string_view text);

}  // namespace homeserver
