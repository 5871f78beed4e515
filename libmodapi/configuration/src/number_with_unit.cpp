#include "number_with_unit.h"

#include <charconv>
#include <cstddef>
#include <limits>
#include <system_error>

namespace modapi::detail {

std::optional<std::int64_t> parse_number_with_unit(std::string_view text, std::span<const Unit> units) noexcept {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || number < 0) return std::nullopt;
    const std::string_view name(stopped, static_cast<std::size_t>(end - stopped));
    for (const Unit& unit : units) {
        if (unit.name != name) continue;
        if (number > std::numeric_limits<std::int64_t>::max() / unit.size) return std::nullopt;
        return number * unit.size;
    }
    return std::nullopt;
}

}  // namespace modapi::detail
