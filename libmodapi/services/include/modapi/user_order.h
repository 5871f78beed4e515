#pragma once

namespace modapi {

/// The order of a list of users. Those that registered in the same millisecond are in the order of their ids, or in the
/// opposite one where the newest comes first.
enum class UserOrder : unsigned char { by_id, oldest_first, newest_first };

}  // namespace modapi
