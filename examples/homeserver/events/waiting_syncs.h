#pragma once

#include "events/audience.h"

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
        std::int64_t newest = 0;  ///< position of the stream
        std::size_t watches = 0;
    };

public:
    /// `audience`: of the process, which outlives them.
    explicit WaitingSyncs(Audience& audience) noexcept : audience_(audience) {}

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
        /// The look has shown everything up to that position of the stream.
        void looked_until(std::int64_t position) noexcept { position_ = position; }
        /// Returns when something was announced since the last `look`, but for what that has shown already; at once if it was
        /// already, or if the server stops.
        [[nodiscard]] async::task<void> news();
        [[nodiscard]] bool stopping() const noexcept { return syncs_.stopping_; }

    private:
        WaitingSyncs& syncs_;
        std::string user_id_;
        User& user_;
        std::uint64_t seen_;
        std::int64_t position_ = 0;
    };

    /// Something is new for these users. `position`: up to there in the stream; 0: whoever looked before knows nothing of it.
    void wake(const std::vector<std::string>& users, std::int64_t position);
    /// Something may be new for everybody.
    void wake_everybody(std::int64_t position);
    /// Ends all waits, now and later: the server stops.
    void wake_all();

private:
    static void wake(User& user, std::int64_t position);

    Audience& audience_;
    std::map<std::string, User> by_user_;  // only users somebody watches for
    bool stopping_ = false;
};

}  // namespace homeserver
