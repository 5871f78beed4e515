#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace async {

/// A string literal as a template argument, so that a callback carries its own name in its type. One fixed type, which
/// template template parameters need. Holds up to 63 characters; a longer literal doesn't compile.
///
///     async::slot<"may_print", ...>
struct name {
    static constexpr std::size_t capacity = 64;
    char characters[capacity]{};
    std::size_t size = 0;

    template <std::size_t Size>
    consteval name(const char (&literal)[Size]) : size(Size - 1) {
        static_assert(Size <= capacity, "an async::name holds up to 63 characters");
        std::copy_n(literal, Size, characters);
    }

    [[nodiscard]] constexpr std::string_view view() const noexcept { return {characters, size}; }
    constexpr operator std::string_view() const noexcept { return view(); }
    constexpr bool operator==(const name&) const = default;
};

}  // namespace async
