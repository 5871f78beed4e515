#pragma once

#include <callbacks/presence.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace homeserver {

/// Whose presence beyond their rooms users asked for when their presence was last computed: whom to wake when it changes.
///
/// Thread: any; shared by the workers of the process.
class PresenceInterests {
public:
    void set(const std::string& user_id, const callbacks::InterestedUsers& interested);
    /// Who is interested in `user_id`.
    [[nodiscard]] std::vector<std::string> watchers_of(const std::string& user_id) const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, callbacks::InterestedUsers> by_watcher_;  // only those with any interest
};

}  // namespace homeserver
