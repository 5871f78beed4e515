#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace modapi {

/// A presence that a module sets for a user.
class PresenceUpdate {
public:
    explicit PresenceUpdate(std::string new_state, std::optional<std::string> new_status_msg = std::nullopt)
        : state(std::move(new_state)), status_msg(std::move(new_status_msg)) {}

    std::string state;  ///< online, unavailable, offline, org.matrix.msc3026.busy
    std::optional<std::string> status_msg;
};
using PresenceUpdates = std::map<std::string, PresenceUpdate>;  ///< by user id

}  // namespace modapi
