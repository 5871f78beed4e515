#include <modapi/hosting/module_code.h>
#include <modapi/hosting/shutdown_deadline.h>

#include "raw_line.h"
#include "threads_in_modules.h"

#include <algorithm>
#include <cstdlib>

namespace modapi {

ShutdownDeadline::ShutdownDeadline() : thread_([this] { wait(); }) {}

ShutdownDeadline::~ShutdownDeadline() {
    {
        const std::scoped_lock lock(mutex_);
        stopped_in_time_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void ShutdownDeadline::arm(std::chrono::milliseconds time, bool is_failure, std::string_view failure) noexcept {
    const std::scoped_lock lock(mutex_);
    is_failure_ = is_failure_ || is_failure;
    if (failure_size_ == 0) {
        failure_size_ = std::min(failure.size(), failure_.size());
        std::copy_n(failure.begin(), failure_size_, failure_.begin());
    }
    if (is_armed_) return;
    is_armed_ = true;
    end_ = std::chrono::steady_clock::now() + time;
    changed_.notify_all();
}

bool ShutdownDeadline::is_armed() noexcept {
    const std::scoped_lock lock(mutex_);
    return is_armed_;
}

void ShutdownDeadline::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_armed_ || stopped_in_time_; });
    while (!stopped_in_time_) {
        if (changed_.wait_until(lock, end_) == std::cv_status::timeout && !stopped_in_time_) end_program();
    }
}

void ShutdownDeadline::end_program() const noexcept {
    if (failure_size_ > 0) {
        RawLine line("error");
        line << std::string_view(failure_.data(), failure_size_);
        line.write();
    }
    bool is_named = false;
    const auto name = [](void* named, const module_code::OnThread& on) {
        // Whoever is on the stack of a thread that doesn't come back is still there to be read.
        if (on.callback == nullptr) return;
        *static_cast<bool*>(named) = true;
        RawLine line("error");
        line << "stopping takes too long: worker " << on.worker << " is held by " << on.callback->callback << " of module "
             << on.callback->module;
        line.write();
    };
    module_code::each_worker(name, &is_named);
    if (!is_named) is_named = name_threads_in_modules();
    if (!is_named) {
        RawLine line("error");
        line << "stopping takes too long: something blocks a thread that no callback is known to hold";
        line.write();
    }
    std::_Exit(is_failure_ ? EXIT_FAILURE : EXIT_SUCCESS);
}

}  // namespace modapi
