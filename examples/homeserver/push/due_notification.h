#pragma once

#include "push/pushers.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <cstdint>
#include <optional>

namespace homeserver {

/// What a pusher's gateway is to be told next.
struct DueNotification {
    Pusher pusher;  ///< as it is now
    std::int64_t position = 0;
    callbacks::JsonDict notification;  ///< without its devices
    callbacks::JsonDict tweaks;
};

/// The first that the user hasn't read and the pusher wasn't told of; none, also for a pusher that is gone. For use inside a
/// transaction.
[[nodiscard]] std::optional<DueNotification> next_due_notification(modapi::Transaction& transaction, const Pusher& pusher);

}  // namespace homeserver
