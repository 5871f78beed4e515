#include <modapi/duration.h>

#include "number_with_unit.h"

#include <cstdint>

namespace modapi {

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t day = std::int64_t(24) * 3600 * 1000;
constexpr detail::Unit duration_units[] = {{"", 1},    {"s", 1000},    {"m", 60 * 1000}, {"h", 3600 * 1000},
                                           {"d", day}, {"w", 7 * day}, {"y", 365 * day}};

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) noexcept {
    const std::optional<std::int64_t> number = detail::parse_number_with_unit(text, duration_units);
    if (!number) return std::nullopt;
    return milliseconds(*number);
}

std::optional<milliseconds> optional_duration(const ConfigSection& config, std::string_view key) {
    const std::optional<callbacks::JsonValue> value = config.optional<callbacks::JsonValue>(key);
    if (!value) return std::nullopt;
    std::optional<milliseconds> duration;
    if (const std::int64_t* const number = value->if_int64(); number != nullptr && *number >= 0) duration.emplace(*number);
    if (const auto* const text = value->if_string()) duration = parse_duration(std::string_view(*text));
    if (!duration)
        config.fail(key, "must be a duration: milliseconds, or a number with a unit such as 30s, 5m, 6h, 7d, 2w or 1y");
    return duration;
}

milliseconds required_duration(const ConfigSection& config, std::string_view key) {
    const std::optional<milliseconds> duration = optional_duration(config, key);
    if (!duration) config.fail(key, "is required");
    return *duration;
}

}  // namespace modapi
