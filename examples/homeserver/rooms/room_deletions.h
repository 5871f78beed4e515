#pragma once

#include <mutex>
#include <set>
#include <string>

namespace homeserver {

/// Which rooms are being deleted in the background. Thread: any; shared by the workers of the process.
class RoomDeletions {
public:
    /// False: somebody is at it already. Else `end` follows.
    [[nodiscard]] bool begin(const std::string& room_id) {
        const std::lock_guard lock(mutex_);
        return rooms_.insert(room_id).second;
    }
    void end(const std::string& room_id) {
        const std::lock_guard lock(mutex_);
        rooms_.erase(room_id);
    }

private:
    std::mutex mutex_;
    std::set<std::string> rooms_;
};

}  // namespace homeserver
