#pragma once

#include <modapi/hosting/shutdown_deadline.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <mutex>

namespace modapi {

/// The promises of a host's program that no module can break, whatever it does to the process that they share:
///
/// - SIGTERM and SIGINT end it, also when a module gave them a handler of its own or has them ignored.
/// - It is gone in time after them: also where a module's destructor, one of its library's static objects or an exit handler of it
///   blocks the end of main(). stderr is told who held it.
/// - A crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, an exception that nothing catches) and an exit() of a module's are one line on
///   stderr that names the module and callback that ran. What the signal does by default follows, or what a handler did that was there
///   before, as a sanitizer's. After an exit() of a module's the status is 1.
/// - A start() or constructor that blocks ends the start (watch_start).
/// - What a replaced module had in memory goes back to the system: glibc's allocator keeps blocks of up to 4 MiB, and no more than
///   that at the end of a thread's memory, where by itself it comes to keep up to 64 MiB as large blocks are freed. What the
///   environment says of it (MALLOC_TRIM_THRESHOLD_, MALLOC_MMAP_THRESHOLD_, GLIBC_TUNABLES) goes before.
///
/// One for the program, which begins with it; WorkerGroupSettings::process leads the workers' stop to it.
///
///     int main() {
///         modapi::HostProcess& process = modapi::HostProcess::take_over();
///
/// SIGTERM, SIGINT and SIGHUP are blocked in all threads from then on, also in programs that a module starts without unblocking them. Cost: two
/// threads that sleep but for four looks a second; nothing per callback.
class HostProcess {
public:
    /// Before the program has a second thread. Lives as long as the process.
    static HostProcess& take_over();
    HostProcess(const HostProcess&) = delete;
    HostProcess& operator=(const HostProcess&) = delete;

    /// A module's start(), ready() or constructor, its parse_config or the loading of its library may take so long; one that blocks the
    /// thread for longer can't be cut, and the program exits with 1 and one line that names it.
    void watch_start(std::chrono::milliseconds limit) noexcept;

    /// What ends the program in time.
    [[nodiscard]] ShutdownDeadline& deadline() noexcept { return deadline_; }
    /// From now on SIGTERM and SIGINT don't end the program by themselves: `stop` is called, again and again if it throws, and there is
    /// `time` for all of it. Null: as before.
    ///
    /// Thread: that on which modules were built; `stop` runs on one of the process's own.
    void stop_by(std::function<void()> stop, std::chrono::milliseconds time);
    /// From now on SIGHUP doesn't end the program: `reload` is called, on one of the process's own threads. Null: as before.
    void reload_by(std::function<void()> reload);

private:
    HostProcess();
    ~HostProcess() = default;

    void watch();
    void act_on(int signal);
    void begin_stop(int signal);
    void restore_handlers() const noexcept;

    ShutdownDeadline deadline_;
    std::mutex mutex_;
    std::function<void()> stop_;
    std::function<void()> reload_;
    std::chrono::milliseconds time_to_stop_{0};
};

}  // namespace modapi
