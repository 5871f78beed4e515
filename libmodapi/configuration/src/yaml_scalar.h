#pragma once

#include <callbacks/json.h>

#include <optional>
#include <string>

namespace modapi {

/// What a plain (unquoted) YAML scalar means by the core schema: null, a boolean, a number, else a string. A number beyond 64
/// bits becomes a double.
[[nodiscard]] callbacks::JsonValue resolve_plain_scalar(const std::string& text);

}  // namespace modapi
