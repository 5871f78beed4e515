#include <modapi/byte_size.h>

#include <charconv>
#include <limits>
#include <system_error>

namespace modapi {

namespace {

struct SizeUnit {
    std::string_view name;
    std::int64_t bytes;
};
constexpr std::int64_t kibi = 1024;
constexpr SizeUnit size_units[] = {
    {"", 1}, {"K", kibi}, {"M", kibi * kibi}, {"G", kibi * kibi * kibi}, {"T", kibi * kibi * kibi * kibi}};

}  // namespace

std::optional<std::int64_t> parse_byte_size(std::string_view text) noexcept {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || number < 0) return std::nullopt;
    const std::string_view name(stopped, static_cast<std::size_t>(end - stopped));
    for (const SizeUnit& unit : size_units) {
        if (unit.name != name) continue;
        if (number > std::numeric_limits<std::int64_t>::max() / unit.bytes) return std::nullopt;
        return number * unit.bytes;
    }
    return std::nullopt;
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
