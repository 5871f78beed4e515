#pragma once

#include <modapi/hosting/module_resolver.h>

#include <async/callback_frame.h>

#include <sys/types.h>
#include <chrono>
#include <string>
#include <string_view>

namespace modapi {

/// Runs a step of the host's start that is a module's: loading its library, its parse_config, its constructor, start() or ready().
///
/// Where somebody watches the start (HostProcess::watch_start), a step that keeps its thread beyond the limit, or goes on waiting after
/// it was cut, ends the program with one line on stderr and status 1. Elsewhere it only says what runs. Thread: any; one step at a
/// time.
class StartStep {
public:
    /// `what` is how the line begins, "start()"; `place`, "modules[0]", where it leads. `worker` as for ConfiguredModule::fail.
    /// `mark`, of the worker, tells a step that waits from one that keeps the thread; null: it can't wait. What it is given outlives
    /// it.
    StartStep(const ConfigurationFile& file, const ConfigurationPath& place, std::string_view what, std::string_view module,
              std::string_view worker = {}, const async::running_callback_mark* mark = nullptr);
    ~StartStep();
    StartStep(const StartStep&) = delete;
    StartStep& operator=(const StartStep&) = delete;

    /// From now on somebody looks; 0: nobody. Thread: any.
    static void watch(std::chrono::milliseconds limit) noexcept;
    /// What is to be said of a step that has lasted too long, "" while there is none: the program ends then, the step doesn't. By
    /// the thread that watches; it allocates nothing.
    [[nodiscard]] static const char* overdue() noexcept;
    /// What is run at the moment, "parse_config() of module my.Module"; "reading the modules" while that is none. Thread: any.
    [[nodiscard]] static std::string running();
    /// What the given thread is at, "start() of module my.Module"; null: no step. From a signal handler of that thread.
    [[nodiscard]] static const char* running_on(pid_t thread) noexcept;

private:
    bool is_overdue_ = false;
    pid_t thread_ = 0;
    std::string name_;
    std::string blocks_;
    std::string waits_;
    std::chrono::steady_clock::time_point end_;
    const async::running_callback_mark* mark_ = nullptr;
};

}  // namespace modapi
