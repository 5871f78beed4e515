#pragma once

#include <callbacks/json.h>

#include <spdlog/common.h>

#include <string>
#include <string_view>

namespace modapi {

/// A text member of a message; empty if there is none.
[[nodiscard]] std::string_view text_of(const callbacks::JsonDict& message, std::string_view member) noexcept;

/// A record of Python's log as one of the host's: `LOGGER: TEXT (in CALLBACK)`, and its traceback behind. `callback` may be
/// empty.
[[nodiscard]] std::string python_record(const callbacks::JsonDict& notice, std::string_view callback);
/// The level that one of Python's five words means.
[[nodiscard]] spdlog::level::level_enum python_level(std::string_view word) noexcept;

}  // namespace modapi
