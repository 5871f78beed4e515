#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace homeserver {

/// How many characters a text has, as limits count them: a letter with an accent is one, whatever its bytes.
[[nodiscard]] std::size_t character_count(std::string_view text) noexcept;

/// The text as it is compared ignoring case, in every alphabet. Bytes that aren't UTF-8 stay.
[[nodiscard]] std::string without_case(std::string_view text);

}  // namespace homeserver
