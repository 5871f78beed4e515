#include "configured_period.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};
constexpr std::int64_t day = std::int64_t(24) * 3600 * 1000;
constexpr Unit units[] = {{"", 1},    {"s", 1000},    {"m", 60 * 1000}, {"h", 3600 * 1000},
                          {"d", day}, {"w", 7 * day}, {"y", 365 * day}};

/// None: it is no duration, or too long a one.
std::optional<milliseconds> parse_period(std::string_view text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || number < 0) return std::nullopt;
    const std::string_view name(stopped, static_cast<std::size_t>(end - stopped));
    for (const Unit& unit : units) {
        if (unit.name != name) continue;
        if (number > std::numeric_limits<std::int64_t>::max() / unit.milliseconds) return std::nullopt;
        return milliseconds(number * unit.milliseconds);
    }
    return std::nullopt;
}

}  // namespace

std::optional<milliseconds> configured_period(const modapi::ConfigSection& config, std::string_view key) {
    const std::optional<callbacks::JsonValue> value = config.optional<callbacks::JsonValue>(key);
    if (!value) return std::nullopt;
    std::optional<milliseconds> period;
    if (const std::int64_t* const number = value->if_int64(); number != nullptr && *number >= 0) period.emplace(*number);
    if (const auto* const text = value->if_string()) period = parse_period(std::string_view(*text));
    if (!period)
        config.fail(key, "must be a duration: milliseconds, or a number with a unit such as 30s, 5m, 6h, 7d, 2w or 1y");
    return period;
}

milliseconds required_period(const modapi::ConfigSection& config, std::string_view key) {
    const std::optional<milliseconds> period = configured_period(config, key);
    if (!period) config.fail(key, "is required");
    return *period;
}
