#pragma once

#include <async/task.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace homeserver {

/// What one task at a time may be about: registrations of one name come one after the other, a room is deleted once.
///
/// Thread: any; shared by the workers of the process. Lifetime: outlives every turn, and the executors of those who wait for
/// one.
class Turns {
    class Held;

public:
    /// Lasts as long as it is kept; null: none.
    using Turn = std::unique_ptr<Held>;

    /// A turn at `what`; none if somebody has it.
    [[nodiscard]] Turn begin(std::string what);
    /// Waits until nobody has a turn at `what`; those who wait get it in the order in which they came, each on its own
    /// executor. Cancel: throws, and the turn goes to the next one, also if it was just being handed over.
    [[nodiscard]] async::task<Turn> take(std::string what);

private:
    struct Waiting;
    class Place;
    using Queue = std::deque<std::shared_ptr<Waiting>>;

    /// A turn, or none and a place at the end of the queue.
    [[nodiscard]] Turn begin_or_queue(const std::string& what, const std::shared_ptr<Waiting>& waiting);
    void leave(const std::string& what, const std::shared_ptr<Waiting>& waiting) noexcept;
    void end(const std::string& what) noexcept;

    std::mutex mutex_;
    std::map<std::string, Queue> taken_;  ///< with those who wait for each
};

class Turns::Held {
public:
    Held(Turns& turns, std::string what) : turns_(turns), what_(std::move(what)) {}
    ~Held() { turns_.end(what_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

private:
    Turns& turns_;
    std::string what_;
};

}  // namespace homeserver
