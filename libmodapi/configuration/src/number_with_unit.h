#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace modapi::detail {

/// What stands behind a number, and how much one of it is.
struct Unit {
    std::string_view name;
    std::int64_t size;
};

/// A whole number that isn't negative, with one of those units right behind it; none for anything else, and for what doesn't
/// fit.
[[nodiscard]] std::optional<std::int64_t> parse_number_with_unit(std::string_view text, std::span<const Unit> units) noexcept;

}  // namespace modapi::detail
