#pragma once

#include <async/notification.h>
#include <async/task.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace homeserver {

/// The long-polling syncs of one worker, by user. Thread: that worker's.
class WaitingSyncs {
    struct User {
        async::notification news;
        std::uint64_t wake_ups = 0;
        std::size_t watches = 0;
    };

public:
    /// One sync's interest in what is new for a user, from before its first look into the database: a wake-up that comes while
    /// that look is under way isn't lost, because it is remembered here.
    ///
    /// Lifetime: the WaitingSyncs outlive it.
    class Watch {
    public:
        Watch(WaitingSyncs& syncs, std::string user_id);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

        /// What was announced until now is about to be looked for.
        void look() noexcept { seen_ = user_.wake_ups; }
        /// Returns when something was announced since the last `look`; at once if it was already, or if the server stops.
        [[nodiscard]] async::task<void> news();
        [[nodiscard]] bool stopping() const noexcept { return syncs_.stopping_; }

    private:
        WaitingSyncs& syncs_;
        std::string user_id_;
        User& user_;
        std::uint64_t seen_;
    };

    void wake(const std::vector<std::string>& users);
    /// Ends all waits, now and later: the server stops.
    void wake_all();

private:
    std::map<std::string, User> by_user_;  // only users somebody watches for
    bool stopping_ = false;
};

}  // namespace homeserver
