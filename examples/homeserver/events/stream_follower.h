#pragma once

#include "events/notifier.h"
#include "events/stream_page.h"

#include <modapi/database.h>
#include <modapi/hosting/bus.h>

#include <async/context.h>
#include <async/notification.h>
#include <async/scope.h>
#include <async/task.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace homeserver {

/// Tells this process's workers what other processes over the same database have stored: wakes the syncs and the pushers of
/// those for whom it is new, and hands every event of theirs to on_new_event, in the order of the stream and once. Between those
/// and the process's own events there is no order, as there is none between those of its workers.
///
/// The rows say what is new; a hint on the bus only says that there is something. The stream is read on from where it was read
/// last when a hint comes and somebody is to be told, when hints may have been lost, and every three seconds. Hints that come during a read, or a few
/// milliseconds behind it, make one more: a process that hears of thousands a second reads at most two hundred times, and twenty times where only pushers are to hear of it.
///
/// What led to an event doesn't travel with it: what modules send because of one that another process stored has a budget
/// (modapi::EventBudget) of its own. The budget of a request bounds what its process's modules make of it. Modules that answer
/// each other's events go on across processes, each time by one event in each process; a module must not answer its own.
///
/// Events of its own process were told of by their worker. One whose commit got no answer, and was made all the same, isn't
/// told of here; nor is one whose room is purged before it was read.
///
/// Thread: the executor's, which no module blocks. Lifetime: stopped before it ends; all that it is given
/// outlives it.
class StreamFollower {
public:
    /// Begins behind what `question` says.
    StreamFollower(const async::environment& where, modapi::Database& database, Notifier& notifier, WatchersOf watchers_of,
                   StreamQuestion question);
    ~StreamFollower();
    StreamFollower(const StreamFollower&) = delete;
    StreamFollower& operator=(const StreamFollower&) = delete;

    /// `bus`: by which processes wake each other; null: none. From here on the notifier wakes by it. On the executor, or before
    /// its thread runs; before anything is published.
    void start(modapi::Bus* bus);
    /// There may be something to read. On the executor.
    void look();
    /// The last position that was read and told of. Thread: any.
    [[nodiscard]] std::int64_t has_read_to() const noexcept { return has_read_to_.load(); }
    /// Reads no more. On the executor.
    [[nodiscard]] async::task<void> stop();

private:
    void hear(const modapi::BusMessage& message);
    [[nodiscard]] async::task<void> follow();
    [[nodiscard]] async::task<void> read_on();
    [[nodiscard]] async::task<void> wait_for_hint();
    [[nodiscard]] async::task<void> hinted();
    void tell(StreamPage page);

    modapi::Database& database_;
    Notifier& notifier_;
    WatchersOf watchers_of_;
    StreamQuestion question_;
    FollowedStates states_;
    boost::asio::any_io_executor executor_;
    async::scope scope_;
    async::notification hinted_;
    bool is_hinted_ = false;
    std::atomic<std::int64_t> has_read_to_{0};
    modapi::Bus* bus_ = nullptr;
    std::size_t subscriber_ = 0;
};

/// The last position of the stream, for the start. Blocks.
[[nodiscard]] std::int64_t newest_position(modapi::Database& database);

}  // namespace homeserver
