#pragma once

#include "rooms/appended_event.h"

#include <callbacks/json.h>
#include <modapi/database.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace homeserver {

/// A part of a room's state that an event is for only as long as it stands.
struct ExpectedState {
    std::string type;
    std::string state_key;
    std::optional<std::string> event_id;  ///< none: it isn't set
};

/// An event that somebody wants to send.
struct Draft {
    std::string room_id;
    std::string type;
    std::string sender;
    std::optional<std::string> state_key;
    std::optional<std::string> redacts;  ///< the event that a redaction is about
    callbacks::JsonDict content;
    std::optional<SentTransaction> transaction;
    std::optional<std::int64_t> origin_server_ts;  ///< milliseconds; none: when it is built
    std::optional<ExpectedState> expected;         ///< other state than this: it isn't sent
    /// Asked in the transaction that stores the event, may be again: whether what the draft was made of is so still; empty: it
    /// is. If not, the event isn't sent. Only reads; is also asked about one that was sent before.
    std::function<bool(modapi::Transaction&)> still_holds;
    /// What the event's transaction does beside; empty: nothing. May be called again, as Database::run says.
    std::function<void(modapi::Transaction&)> alongside;
};

}  // namespace homeserver
