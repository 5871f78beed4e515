#include <modapi/hosting/log.h>
#include <modapi/hosting/shutdown_deadline.h>

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <utility>

namespace modapi {

ShutdownDeadline::~ShutdownDeadline() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopped_in_time_ = true;
    }
    over_.notify_all();
    thread_.join();
}

void ShutdownDeadline::arm(std::chrono::milliseconds time, std::vector<Held> workers, bool is_failure, std::string failure) {
    if (thread_.joinable()) return;
    thread_ = std::thread([this, time, workers = std::move(workers), is_failure, failure = std::move(failure)] {
        std::unique_lock lock(mutex_);
        if (over_.wait_for(lock, time, [this] { return stopped_in_time_; })) return;
        end_program(workers, is_failure, failure);
    });
}

void ShutdownDeadline::end_program(const std::vector<Held>& workers, bool is_failure, const std::string& failure) {
    spdlog::logger& log = framework_log();
    if (!failure.empty()) log.error("{}", failure);
    bool is_named = false;
    for (const Held& held : workers) {
        // Whoever is on the stack of a thread that doesn't come back is still there to be read.
        const async::callback_identity* const holder = held.on_stack->identity().load(std::memory_order_relaxed);
        if (holder == nullptr) continue;
        is_named = true;
        log.error("stopping takes too long: worker {} is held by {} of module {}", held.worker, holder->callback,
                  holder->module);
    }
    if (!is_named) log.error("stopping takes too long: something blocks a thread that no callback is known to hold");
    log.flush();
    std::_Exit(is_failure ? EXIT_FAILURE : EXIT_SUCCESS);
}

}  // namespace modapi
