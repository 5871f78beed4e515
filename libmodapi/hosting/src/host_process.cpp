#include <modapi/hosting/host_process.h>
#include <modapi/hosting/module_code.h>
#include <modapi/hosting/start_step.h>

#include "crash_report.h"
#include "raw_line.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <thread>
#include <utility>

namespace modapi {

namespace {

constexpr timespec between_looks{0, 250'000'000};

struct HandledSignal {
    int number;
    std::string_view name;
};
constexpr std::array<HandledSignal, 3> handled_signals = {{{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGHUP, "SIGHUP"}}};

/// One of them that came to a thread where a module has unblocked it.
std::atomic<int> handled_signal{0};

void on_signal(int signal) { handled_signal.store(signal, std::memory_order_relaxed); }

sigset_t handled_signal_set() noexcept {
    sigset_t set;
    ::sigemptyset(&set);
    for (const HandledSignal& signal : handled_signals) ::sigaddset(&set, signal.number);
    return set;
}

void block_handled_signals() noexcept {
    const sigset_t set = handled_signal_set();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void set_handler(int signal) noexcept {
    struct sigaction how {};
    how.sa_handler = &on_signal;
    how.sa_flags = SA_RESTART;
    ::sigemptyset(&how.sa_mask);
    ::sigaction(signal, &how, nullptr);
}

/// What the signal does by itself.
void die_of(int signal) noexcept {
    ::signal(signal, SIG_DFL);
    const sigset_t set = handled_signal_set();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
}

/// glibc raises both limits up to the size of the blocks that it has freed. What fits below is kept for the thread that freed it,
/// at the end of its memory, which malloc_trim passes over.
void keep_no_large_blocks() noexcept {
#if defined(__GLIBC__)
    const auto text_of = [](const char* name) {
        const char* const value = std::getenv(name);  // NOLINT: there is no second thread yet
        return std::string_view(value != nullptr ? value : "");
    };
    const bool is_said = !text_of("MALLOC_TRIM_THRESHOLD_").empty() || !text_of("MALLOC_MMAP_THRESHOLD_").empty() ||
                         text_of("GLIBC_TUNABLES").find("glibc.malloc.") != std::string_view::npos;
    if (is_said) return;
    constexpr int largest = 4 * 1024 * 1024;  // most responses and uploads come and go below it
    ::mallopt(M_MMAP_THRESHOLD, largest);
    ::mallopt(M_TRIM_THRESHOLD, largest);
#endif
}

void unblock_in_child() {
    const sigset_t set = handled_signal_set();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

HostProcess& HostProcess::take_over() {
    static auto* const process = new HostProcess;  // to the very end: what modules' libraries do in exit() is watched too
    return *process;
}

HostProcess::HostProcess() {
    keep_no_large_blocks();
    RawLine::without_brackets();
    report_crashes();
    for (const HandledSignal& signal : handled_signals) set_handler(signal.number);
    block_handled_signals();
    ::pthread_atfork(nullptr, nullptr, &unblock_in_child);
    std::thread([this] { watch(); }).detach();
}

void HostProcess::watch_start(std::chrono::milliseconds limit) noexcept { StartStep::watch(limit); }

void HostProcess::stop_by(std::function<void()> stop, std::chrono::milliseconds time) {
    if (stop) {
        // What modules did while they were loaded and built doesn't reach into the service.
        restore_handlers();
        block_handled_signals();
        report_exits();
        StartStep::watch(std::chrono::milliseconds(0));  // it has started: what takes long from now on ends nothing
    }
    const std::scoped_lock lock(mutex_);
    stop_ = std::move(stop);
    time_to_stop_ = time;
}

void HostProcess::watch() {
    const sigset_t set = handled_signal_set();
    int pending = 0;
    for (;;) {
        siginfo_t ignored;
        const int received = ::sigtimedwait(&set, &ignored, &between_looks);
        const int elsewhere = handled_signal.exchange(0, std::memory_order_relaxed);
        if (received > 0) pending = received;
        if (elsewhere > 0) pending = elsewhere;
        try {
            if (pending > 0) act_on(pending);
            pending = 0;
        } catch (...) {  // NOLINT: there is no memory; the next time there may be, and else the deadline ends the program
        }
        restore_handlers();
        const std::string_view overdue = StartStep::overdue();
        if (overdue.empty()) continue;
        RawLine line("");
        line << overdue;
        line.write();
        std::_Exit(EXIT_FAILURE);
    }
}

void HostProcess::reload_by(std::function<void()> reload) {
    const std::scoped_lock lock(mutex_);
    reload_ = std::move(reload);
}

void HostProcess::act_on(int signal) {
    if (signal == SIGHUP) {
        const std::scoped_lock lock(mutex_);
        if (reload_) return reload_();
    }
    begin_stop(signal);
}

void HostProcess::begin_stop(int signal) {
    const std::scoped_lock lock(mutex_);
    if (stop_) {
        deadline_.arm(time_to_stop_);
        stop_();
    } else if (!deadline_.is_armed()) {
        die_of(signal);
    }
}

void HostProcess::restore_handlers() const noexcept {
    for (const HandledSignal& signal : handled_signals) {
        struct sigaction how {};
        if (::sigaction(signal.number, nullptr, &how) != 0 || how.sa_handler == &on_signal) continue;
        RawLine line("warning");
        line << "the handler of " << signal.name << " was replaced";
        const char* const library =
            module_code::library_at(reinterpret_cast<std::uintptr_t>(how.sa_handler));  // NOLINT: an address
        if (library != nullptr) line << " by one of " << library;
        line << "; it is the server's again";
        line.write();
        set_handler(signal.number);
    }
}

}  // namespace modapi
