#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

/// The code point that begins at `text[at]`, with `at` moved behind it; none if it isn't well-formed.
[[nodiscard]] std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) noexcept;

/// Whether `text` is well-formed UTF-8 without NUL bytes: what the database and JSON can hold.
[[nodiscard]] bool is_storable_text(std::string_view text) noexcept;

/// `text` with U+FFFD in the place of each byte that isn't UTF-8. Cost where there is none: a look at each word of it.
[[nodiscard]] std::string repaired_utf8(std::string text);

/// A to Z become a to z; anything else stays.
[[nodiscard]] std::string ascii_lower_case(std::string_view text);

/// Whether two texts are the same but for the case of A to Z. (Beast's iequals reads a byte behind texts that differ so in
/// their last letter.)
[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

}  // namespace homeserver
