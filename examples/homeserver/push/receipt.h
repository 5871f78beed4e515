#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace homeserver {

/// How far a user says to have read.
struct Receipt {
    std::string room_id;
    std::string user_id;
    std::string type;                      ///< `m.read`, or `m.read.private`, which only its user is told of
    std::optional<std::string> thread_id;  ///< none: of the whole room
    std::string event_id;                  ///< the last event that was read
    std::int64_t received_ms = 0;          ///< since 1970
};

}  // namespace homeserver
