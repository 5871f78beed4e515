#pragma once

#include <modapi/hosting/broadcasts.h>

#include <callbacks/json.h>

#include <async/context.h>
#include <async/hook.h>
#include <async/notification.h>
#include <async/observation.h>
#include <async/task.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace modapi {

/// What one instance of a module hears of the others of its entry, its own broadcasts too: one after the other, each when the handlers of
/// the one before have ended. A thousand wait at most; the newest are dropped then, with a line in the log.
///
/// Thread: the worker's. Lifetime: the broadcasts outlive it; the scope that runs `hand_out` was joined before it is destroyed.
class ReceivedBroadcasts {
public:
    using Handler = async::owned_hook<void(const callbacks::JsonDict& content)>;
    static constexpr std::size_t most_waiting = 1000;

    /// `module`: its name in the configuration; `entry`: what workers call it among themselves.
    ReceivedBroadcasts(Broadcasts& from, const async::environment& where, std::string module, std::string entry);
    ~ReceivedBroadcasts();
    ReceivedBroadcasts(const ReceivedBroadcasts&) = delete;
    ReceivedBroadcasts& operator=(const ReceivedBroadcasts&) = delete;

    /// Calls `handler` with what is broadcast under `topic`.
    void add(std::string topic, Handler handler);
    /// Calls the handlers until it is cancelled. What they throw is logged.
    [[nodiscard]] static async::task<void> hand_out(ReceivedBroadcasts& self);

private:
    void take(const Broadcast& broadcast);
    [[nodiscard]] async::task<void> call(const Handler& handler, const callbacks::JsonDict& content);

    Broadcasts& from_;
    const std::string module_;
    const std::string entry_;
    async::callback_identity receiving_;
    std::multimap<std::string, Handler, std::less<>> handlers_;
    std::deque<Broadcast> waiting_;
    std::size_t dropped_ = 0;
    async::notification filled_;
    std::size_t subscription_;
};

}  // namespace modapi
