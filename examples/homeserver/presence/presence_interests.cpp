#include "presence/presence_interests.h"

namespace homeserver {

void PresenceInterests::set(const std::string& user_id, const callbacks::InterestedUsers& interested) {
    const std::lock_guard lock(mutex_);
    if (!interested.is_everyone() && interested.users().empty()) {
        by_watcher_.erase(user_id);
    } else {
        by_watcher_.insert_or_assign(user_id, interested);
    }
}

std::vector<std::string> PresenceInterests::watchers_of(const std::string& user_id) const {
    std::vector<std::string> watchers;
    const std::lock_guard lock(mutex_);
    for (const auto& [watcher, interested] : by_watcher_) {
        if (interested.contains(user_id)) watchers.push_back(watcher);
    }
    return watchers;
}

}  // namespace homeserver
