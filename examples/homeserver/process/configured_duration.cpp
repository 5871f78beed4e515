#include "process/configured_duration.h"

#include <charconv>
#include <limits>

namespace homeserver {

namespace {

/// None: no unit of that name.
std::optional<std::int64_t> unit_ms(std::string_view unit) {
    constexpr std::int64_t second = 1000;
    constexpr std::int64_t day = 24 * 3600 * second;
    if (unit.empty()) return 1;
    if (unit == "s") return second;
    if (unit == "m") return 60 * second;
    if (unit == "h") return 3600 * second;
    if (unit == "d") return day;
    if (unit == "w") return 7 * day;
    if (unit == "y") return 365 * day;
    return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> configured_duration_ms(std::string_view text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || number < 0) return std::nullopt;
    const std::optional<std::int64_t> unit = unit_ms(std::string_view(stopped, static_cast<std::size_t>(end - stopped)));
    if (!unit || number > std::numeric_limits<std::int64_t>::max() / *unit) return std::nullopt;
    return number * *unit;
}

}  // namespace homeserver
