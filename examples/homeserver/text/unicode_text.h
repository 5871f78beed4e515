#pragma once

#include <cstddef>
#include <string_view>

namespace homeserver {

/// How many characters a text has, as limits count them: a letter with an accent is one, whatever its bytes.
[[nodiscard]] std::size_t character_count(std::string_view text) noexcept;

}  // namespace homeserver
