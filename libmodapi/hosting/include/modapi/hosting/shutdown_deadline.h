#pragma once

#include <async/callback_frame.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace modapi {

/// Ends the program in time whatever modules do: what blocks its thread can't be cut, only left behind.
///
/// Everything that was acknowledged is in the database by then, so that nothing is lost but the work of who didn't let go.
/// Thread: one. Lifetime: as soon as it ends nothing is ended any more.
class ShutdownDeadline {
public:
    /// Who may hold a worker's thread; the mark is looked at also when the worker is gone.
    struct Held {
        std::string worker;
        std::shared_ptr<const async::running_callback_mark> on_stack;
    };

    ShutdownDeadline() = default;
    ~ShutdownDeadline();
    ShutdownDeadline(const ShutdownDeadline&) = delete;
    ShutdownDeadline& operator=(const ShutdownDeadline&) = delete;

    /// From now on there is so much time. When it is over, the log says `failure`, if that isn't empty, and who holds which
    /// worker, and the program exits: with 0, or with 1 if it stops because of a failure. A second call changes nothing.
    void arm(std::chrono::milliseconds time, std::vector<Held> workers, bool is_failure = false, std::string failure = {});

private:
    void end_program(const std::vector<Held>& workers, bool is_failure, const std::string& failure);

    std::mutex mutex_;
    std::condition_variable over_;
    bool stopped_in_time_ = false;
    std::thread thread_;
};

}  // namespace modapi
