#pragma once

#include <callbacks/text.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

using callbacks::end_of_utf8;
using callbacks::is_storable_text;
using callbacks::next_code_point;
using callbacks::repaired_utf8;

/// A to Z become a to z; anything else stays.
[[nodiscard]] std::string ascii_lower_case(std::string_view text);

/// Whether two texts are the same but for the case of A to Z. (Beast's iequals reads a byte behind texts that differ so in
/// their last letter.)
[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

}  // namespace homeserver
