#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

/// `%41` becomes `A`; an incomplete `%` stays as it is. With `plus_is_space`, as in a query, `+` becomes a space.
[[nodiscard]] std::string percent_decoded(std::string_view text, bool plus_is_space = false);

/// `a=1&b=x%20y` as decoded pairs, in order; a name without `=` has an empty value.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

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

/// For a log line: what isn't printable ASCII or would end a word is percent-encoded, and a very long text is cut.
[[nodiscard]] std::string printable(std::string_view text);

/// A request's target, still encoded, taken apart: `/path?query`, also in the absolute form that proxies get.
struct RequestTarget {
    std::string_view path;
    std::string_view query;
};
/// `target` outlives the result. A target that has no path (`*`) gives an empty one.
[[nodiscard]] RequestTarget split_target(std::string_view target) noexcept;

}  // namespace homeserver
