#pragma once

#include "yaml_document.h"

#include <callbacks/json.h>

#include <optional>
#include <string>
#include <string_view>

namespace modapi {

/// What YAML 1.1 takes a scalar for.
enum class YamlType { TEXT, NOTHING, BOOLEAN, INTEGER, FLOAT, TIMESTAMP, MERGE, VALUE, OTHER };

/// By its tag; without one by how it is written, as the readers of YAML 1.1 resolve plain scalars: `yes` is a boolean, `017` an
/// integer, `1e3` text, for want of a point and a sign.
[[nodiscard]] YamlType type_of_yaml_scalar(const YamlNode& scalar);

/// What a scalar of that type is in JSON. None: nothing that means the same (a date, a number of more than 64 bits, a tag that
/// nobody knows here, a text that isn't of the type that its tag says); `problem` then says what is wrong.
[[nodiscard]] std::optional<callbacks::JsonValue> value_of_yaml_scalar(const YamlNode& scalar, std::string& problem);

/// `!!int` where that is what is meant, as operators write it.
[[nodiscard]] std::string short_yaml_tag(std::string_view tag);

}  // namespace modapi
