#include <modapi/byte_size.h>

#include "number_with_unit.h"

namespace modapi {

namespace {

constexpr std::int64_t kibi = 1024;
constexpr detail::Unit size_units[] = {
    {"", 1}, {"K", kibi}, {"M", kibi* kibi}, {"G", kibi* kibi* kibi}, {"T", kibi* kibi* kibi* kibi}};

}  // namespace

std::optional<std::int64_t> parse_byte_size(std::string_view text) noexcept {
    return detail::parse_number_with_unit(text, size_units);
}

std::optional<std::int64_t> optional_byte_size(const ConfigSection& config, std::string_view key) {
    const std::optional<callbacks::JsonValue> value = config.optional<callbacks::JsonValue>(key);
    if (!value) return std::nullopt;
    std::optional<std::int64_t> size;
    if (const std::int64_t* const number = value->if_int64(); number != nullptr && *number >= 0) size = *number;
    if (const auto* const text = value->if_string()) size = parse_byte_size(std::string_view(*text));
    if (!size) config.fail(key, "must be a size: bytes, or a number with a unit such as 64K, 50M or 1G");
    return size;
}

std::int64_t required_byte_size(const ConfigSection& config, std::string_view key) {
    const std::optional<std::int64_t> size = optional_byte_size(config, key);
    if (!size) config.fail(key, "is required");
    return *size;
}

}  // namespace modapi
