#pragma once

#include <callbacks/json.h>

#include <optional>
#include <string>
#include <string_view>

namespace modapi::testing {

/// JSON as a test writes it down: `json(R"({"body": "hello"})")`. Errors: std::invalid_argument for a text that is none.
[[nodiscard]] callbacks::JsonValue json(std::string_view text);
/// An object, as events and account data are. Errors: std::invalid_argument.
[[nodiscard]] callbacks::JsonDict json_object(std::string_view text);

/// The first place where one JSON value isn't like another, `content.tags[1] is "b", not "c"`; none: they are equal, whatever
/// the order of their keys. The value itself is called `it`.
[[nodiscard]] std::optional<std::string> json_difference(const callbacks::JsonValue& value,
                                                         const callbacks::JsonValue& expected);

}  // namespace modapi::testing
