#include <modapi/hosting/start_step.h>

#include <unistd.h>

#include <atomic>
#include <mutex>

namespace modapi {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Beyond the limit: a step that waits was cut meanwhile, and has ended if it can be; one that does its work may be slow on a busy
/// machine.
constexpr milliseconds patience{1000};

std::atomic<milliseconds::rep> limit_in_ms{0};
std::mutex between_steps;  // held for a moment only, never while a module runs
std::atomic<StartStep*> current{nullptr};

std::string in_seconds(milliseconds time) {
    std::string text = std::to_string(std::chrono::duration<double>(time).count());
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " s";
}

}  // namespace

StartStep::StartStep(const ConfigurationFile& file, const ConfigurationPath& place, std::string_view what,
                     std::string_view module, std::string_view worker, const async::running_callback_mark* mark) {
    const milliseconds limit(limit_in_ms.load(std::memory_order_relaxed));
    thread_ = ::gettid();
    mark_ = mark;
    name_ = std::string(what) + " of module " + std::string(module);
    const std::string end = " within " + in_seconds(limit) + " (module " + std::string(module) +
                            (worker.empty() ? std::string() : " on worker " + std::string(worker)) + ")";
    blocks_ = file.describe(place, std::string(what) + " blocks its thread and has not ended" + end);
    waits_ = file.describe(place, std::string(what) + " was cut and has still not ended" + end);
    end_ = limit.count() > 0 ? steady_clock::now() + limit : steady_clock::time_point::max() - patience;
    const std::scoped_lock lock(between_steps);
    current.store(this, std::memory_order_release);
}

StartStep::~StartStep() {
    {
        const std::scoped_lock lock(between_steps);
        if (!is_overdue_) {
            current.store(nullptr, std::memory_order_release);
            return;
        }
    }
    for (;;) ::pause();  // the program is being ended
}

void StartStep::watch(milliseconds limit) noexcept { limit_in_ms.store(limit.count(), std::memory_order_relaxed); }

const char* StartStep::overdue() noexcept {
    const std::scoped_lock lock(between_steps);
    StartStep* const step = current.load(std::memory_order_relaxed);
    const steady_clock::time_point now = steady_clock::now();
    if (step == nullptr || now < step->end_ + patience) return "";
    const bool waits = step->mark_ != nullptr && step->mark_->identity().load(std::memory_order_relaxed) == nullptr;
    step->is_overdue_ = true;
    return waits ? step->waits_.c_str() : step->blocks_.c_str();
}

std::string StartStep::running() {
    const std::scoped_lock lock(between_steps);
    const StartStep* const step = current.load(std::memory_order_relaxed);
    return step != nullptr ? step->name_ : "reading the modules";
}

const char* StartStep::running_on(pid_t thread) noexcept {
    const StartStep* const step = current.load(std::memory_order_acquire);
    return step != nullptr && step->thread_ == thread ? step->name_.c_str() : nullptr;
}

}  // namespace modapi
