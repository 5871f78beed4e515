#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Texts as clients, other servers and modules hand them over: bytes that are UTF-8 or not.
namespace callbacks {

/// The code point that begins at `text[at]`, with `at` moved past it; none if it isn't well-formed.
[[nodiscard]] std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) noexcept;

/// Where what is UTF-8 from `at` on ends: at the end of the text, or at the first byte that belongs to no character. Cost: a
/// look at each eight bytes while they are ASCII.
[[nodiscard]] std::size_t end_of_utf8(std::string_view text, std::size_t at) noexcept;

/// Whether all of it is well-formed UTF-8.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept { return end_of_utf8(text, 0) == text.size(); }

/// Whether it is well-formed UTF-8 without NUL characters: what every database and JSON can hold.
[[nodiscard]] bool is_storable_text(std::string_view text) noexcept;

/// `text` with U+FFFD in the place of each byte that isn't UTF-8. Cost where there is none: a look at each word of it.
[[nodiscard]] std::string repaired_utf8(std::string text);

/// `text` without the white space at both ends, in every alphabet: what Python's `str.strip()` takes away, and nothing that is
/// merely invisible. Bytes that aren't UTF-8 stay. Valid as long as the text it is of.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

}  // namespace callbacks
