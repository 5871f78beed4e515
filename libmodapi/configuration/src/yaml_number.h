#pragma once

#include <callbacks/json.h>

#include <optional>
#include <string_view>

namespace modapi {

/// Whether YAML 1.1 takes the text for an integer: 12, 1_000, 0b101, 017 (octal), 0x1F, 1:30:00 (base 60), with a sign or none.
[[nodiscard]] bool is_yaml_integer(std::string_view text);
/// Whether YAML 1.1 takes the text for a float: with a point, and a sign in the exponent: 1.5, .5, 1_0.5, 1.0e+3, 1:30.5 (base
/// 60), -.inf, .nan. 1e3 and 1.0e3 are none.
[[nodiscard]] bool is_yaml_float(std::string_view text);

/// The value of what is_yaml_integer; none if it has no digits or more than 64 bits.
[[nodiscard]] std::optional<callbacks::JsonValue> yaml_integer(std::string_view text);
/// The value of what is_yaml_float, or of decimal digits; none if a double can't hold anything near it.
[[nodiscard]] std::optional<callbacks::JsonValue> yaml_float(std::string_view text);

}  // namespace modapi
