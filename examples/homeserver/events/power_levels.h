#pragma once

#include <callbacks/power_levels.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

using callbacks::PowerLevels;

/// Why the new content of an m.room.power_levels event is refused; none if it is well formed and within what `sender` may
/// change. `before`: the content that it replaces; null if there is none.
[[nodiscard]] std::optional<std::string> refused_power_levels(const callbacks::JsonDict& content,
                                                              const callbacks::JsonDict* before, std::string_view sender,
                                                              std::int64_t sender_level);

}  // namespace homeserver
