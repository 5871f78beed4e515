#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace command {

/// The one of `known`, which isn't empty, that takes the fewest changed letters to become; the first of several.
[[nodiscard]] std::string nearest_name(std::string_view given, const std::vector<std::string_view>& known);

}  // namespace command
