#pragma once

#include <callbacks/identifiers.h>

#include <async/task.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

/// What a host does with presence for ModuleApi: its methods of the same name say what each does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's.
class PresenceServices {
public:
    virtual ~PresenceServices() = default;

    [[nodiscard]] virtual async::task<void> send_local_online_presence_to(std::vector<callbacks::UserID> users);
    /// The keys are user ids.
    [[nodiscard]] virtual async::task<void> set_presence_for_users(PresenceUpdates users);
};

}  // namespace modapi
