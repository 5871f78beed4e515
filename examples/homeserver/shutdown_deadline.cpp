#include "shutdown_deadline.h"

#include <spdlog/spdlog.h>

#include <cstdlib>

namespace homeserver {

ShutdownDeadline::~ShutdownDeadline() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopped_in_time_ = true;
    }
    over_.notify_all();
    thread_.join();
}

void ShutdownDeadline::arm(std::chrono::milliseconds time, std::vector<std::pair<std::string, WorkerThread::OnStack>> workers) {
    if (thread_.joinable()) return;
    thread_ = std::thread([this, time, workers = std::move(workers)] {
        std::unique_lock lock(mutex_);
        if (over_.wait_for(lock, time, [this] { return stopped_in_time_; })) return;
        bool is_named = false;
        for (const auto& [name, on_stack] : workers) {
            // Whoever is on the stack of a thread that doesn't come back is still there to be read.
            const async::callback_identity* const holder = on_stack->identity().load(std::memory_order_relaxed);
            if (holder == nullptr) continue;
            is_named = true;
            spdlog::error("stopping takes too long: worker {} is held by {} of module {}", name, holder->callback,
                          holder->module);
        }
        if (!is_named) spdlog::error("stopping takes too long: something blocks a thread that no callback is known to hold");
        spdlog::default_logger()->flush();
        std::_Exit(EXIT_SUCCESS);
    });
}

}  // namespace homeserver
