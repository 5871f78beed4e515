#pragma once

#include "process/worker_thread.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace homeserver {

/// Ends the program in time whatever modules do: what blocks its thread can't be cut, only left behind.
///
/// Everything that was acknowledged is in the database by then, so that nothing is lost but the work of who didn't let go.
class ShutdownDeadline {
public:
    ShutdownDeadline() = default;
    ~ShutdownDeadline();
    ShutdownDeadline(const ShutdownDeadline&) = delete;
    ShutdownDeadline& operator=(const ShutdownDeadline&) = delete;

    /// From now on there is so much time. When it is over, the log says who holds which worker, and the program exits with 0.
    void arm(std::chrono::milliseconds time, std::vector<std::pair<std::string, WorkerThread::OnStack>> workers);

private:
    std::mutex mutex_;
    std::condition_variable over_;
    bool stopped_in_time_ = false;
    std::thread thread_;
};

}  // namespace homeserver
