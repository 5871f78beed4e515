#include "crash_report.h"

#include "raw_line.h"

#include <modapi/hosting/module_code.h>
#include <modapi/hosting/start_step.h>

#include <cxxabi.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <typeinfo>

namespace modapi {

namespace {

struct CrashSignal {
    int number;
    std::string_view name;
};
constexpr std::array<CrashSignal, 5> crash_signals = {{{SIGSEGV, "SIGSEGV"},
                                                       {SIGBUS, "SIGBUS"},
                                                       {SIGFPE, "SIGFPE"},
                                                       {SIGILL, "SIGILL"},
                                                       {SIGABRT, "SIGABRT"}}};
/// What the signals did before, a sanitizer's handlers for instance.
std::array<struct sigaction, crash_signals.size()> handlers_before;
/// The thread whose crash has been told, so that what follows of it isn't told again; 0: none has.
std::atomic<pid_t> told{0};

/// Whose code the calling thread runs, in words behind what happened; false: nobody's but the host's. `library` was found on its stack.
bool append_place(RawLine& line, const char* library) noexcept {
    const pid_t thread = ::gettid();
    const module_code::OnThread on = module_code::on_thread(thread);
    const char* const step = StartStep::running_on(thread);
    if (on.callback != nullptr) {
        line << " while " << on.callback->callback << " of module " << on.callback->module << " ran (worker " << on.worker << ")";
    } else if (step != nullptr) {
        line << " in " << step;
    } else if (library != nullptr) {
        line << " in code of " << library;
    } else {
        return false;
    }
    return true;
}

void on_crash(int signal, siginfo_t* information, void* context) {
    pid_t nobody = 0;
    const pid_t self = ::gettid();
    if (told.compare_exchange_strong(nobody, self)) {
        RawLine line("critical");
        line << "the server crashed: ";
        for (const CrashSignal& known : crash_signals) {
            if (known.number == signal) line << known.name;
        }
        if (!append_place(line, module_code::library_interrupted(context))) line << " in the server itself";
        line.write();
    }
    for (std::size_t index = 0; index < crash_signals.size(); ++index) {
        if (crash_signals[index].number == signal) ::sigaction(signal, &handlers_before[index], nullptr);
    }
    // What the processor refused is done again and refused again. Who was only sent the signal is sent it again, to come as soon as
    // this handler has ended.
    if (information->si_code <= 0) ::syscall(SYS_tgkill, ::getpid(), self, signal);
}

/// What an exception that nothing catches is, and says.
void append_exception(RawLine& line) noexcept {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    if (type == nullptr) return;
    try {
        throw;
    } catch (const std::exception& exception) {
        line << ", of an exception that nothing catches: " << exception.what();
    } catch (...) {
        line << ", of an exception that nothing catches, of type " << type->name();
    }
}

[[noreturn]] void on_terminate() {
    pid_t nobody = 0;
    if (told.compare_exchange_strong(nobody, ::gettid())) {
        RawLine line("critical");
        line << "the server crashed: std::terminate";
        const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));  // NOLINT: the stack as a number
        if (!append_place(line, module_code::library_on_stack(here))) line << " in the server itself";
        append_exception(line);
        line.write();
    }
    std::abort();
}

/// Nobody but main() ends the program, and then no callback runs.
void on_exit() {
    RawLine line("critical");
    line << "exit() was called";
    const pid_t self = ::gettid();
    const bool is_main = self == ::getpid();
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));  // NOLINT: the stack as a number
    const bool is_of_module = append_place(line, is_main ? nullptr : module_code::library_on_stack(here));
    if (is_main && !is_of_module) return;
    if (!is_of_module) line << " on a thread that isn't the program's main one";
    line.write();
    std::_Exit(EXIT_FAILURE);
}

}  // namespace

void report_crashes() {
    for (std::size_t index = 0; index < crash_signals.size(); ++index) {
        struct sigaction how {};
        how.sa_sigaction = &on_crash;
        how.sa_flags = SA_SIGINFO | SA_ONSTACK;
        ::sigemptyset(&how.sa_mask);
        ::sigaction(crash_signals[index].number, &how, &handlers_before[index]);
    }
    std::set_terminate(&on_terminate);
    report_exits();
}

void report_exits() {
    static_cast<void>(std::atexit(&on_exit));
    static_cast<void>(std::at_quick_exit(&on_exit));
}

}  // namespace modapi
