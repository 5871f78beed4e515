#pragma once

#include <modapi/database.h>

#include <cstdint>

namespace homeserver {

/// The next position of the one stream that events, account data and presence share, from a counter that is part of the
/// transaction: positions become visible in their own order, so a sync that has seen position n misses nothing below it.
[[nodiscard]] std::int64_t next_stream_position(modapi::Transaction& transaction);

/// The last position that this transaction can see; 1 at the beginning.
[[nodiscard]] std::int64_t current_stream_position(modapi::Transaction& transaction);

}  // namespace homeserver
