#pragma once

#include <string>
#include <string_view>

/// Text for comparisons in which case doesn't matter, in every alphabet: two small letters of one capital (σ and ς) are equal.
/// Bytes that aren't UTF-8 stay what they are. Thread: any. Cost: a look into a table for each character that isn't ASCII.
namespace modapi {

/// The text in small letters.
[[nodiscard]] std::string without_case(std::string_view text);

/// By characters, one element each. A byte that is no UTF-8 is a character of its own, which equals no other one.
[[nodiscard]] std::u32string characters_without_case(std::string_view text);
/// The characters as they are.
[[nodiscard]] std::u32string characters(std::string_view text);

}  // namespace modapi
