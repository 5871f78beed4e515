#pragma once

#include <modapi/presence_update.h>

#include <callbacks/identifiers.h>

#include <async/task.h>

#include <vector>

namespace modapi {

/// What a host does with presence for ModuleApi: its methods of the same name say what each does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's.
///
/// ModuleApi has checked before: the keys are user ids, of whatever server; texts are UTF-8 without NUL characters. What only
/// the host can check: which states of presence it knows (SynapseError 400 `M_INVALID_PARAM` "Invalid presence state", and
/// nothing is set), who may see whom.
class PresenceServices {
public:
    virtual ~PresenceServices() = default;

    /// Has these users told the presence of all local users who are online.
    [[nodiscard]] virtual async::task<void> send_local_online_presence_to(std::vector<callbacks::UserID> users);
    /// The keys are user ids.
    [[nodiscard]] virtual async::task<void> set_presence_for_users(PresenceUpdates users);
};

}  // namespace modapi
