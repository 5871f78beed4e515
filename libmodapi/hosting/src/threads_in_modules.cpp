#include "threads_in_modules.h"

#include "raw_line.h"

#include <modapi/hosting/module_code.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace modapi {

namespace {

constexpr std::size_t max_threads = 256;
constexpr timespec time_to_answer{0, 100'000'000};

/// What the handlers found; each thread that is asked takes the next place.
std::array<std::atomic<const char*>, max_threads> found_libraries;
std::atomic<std::size_t> libraries_told{0};

void look(int, siginfo_t*, void* context) {
    const char* const library = module_code::library_interrupted(context);
    const std::size_t place = libraries_told.fetch_add(1);
    if (place < found_libraries.size()) found_libraries[place].store(library);
}

void ask(pid_t thread, int signal) noexcept { ::syscall(SYS_tgkill, ::getpid(), thread, signal); }

/// Those of the process but for the calling one and the main one.
void ask_others(int signal) noexcept {
    const int folder = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    alignas(dirent64) std::array<char, 4096> entries;
    long size = 0;
    while ((size = ::syscall(SYS_getdents64, folder, entries.data(), entries.size())) > 0) {
        for (long at = 0; at < size;) {
            const auto* const entry = reinterpret_cast<const dirent64*>(entries.data() + at);  // NOLINT: as the kernel wrote it
            pid_t thread = 0;
            for (const char* digit = entry->d_name; '0' <= *digit && *digit <= '9'; ++digit)
                thread = thread * 10 + (*digit - '0');
            if (thread > 0 && thread != ::getpid() && thread != ::gettid()) ask(thread, signal);
            at += entry->d_reclen;
        }
    }
    ::close(folder);
}

bool name_found(const char* whose) noexcept {
    ::nanosleep(&time_to_answer, nullptr);
    bool is_named = false;
    for (std::size_t place = 0; place < found_libraries.size(); ++place) {
        const char* const library = found_libraries[place].load();
        bool is_told = library == nullptr;
        for (std::size_t before = 0; before < place && !is_told; ++before) is_told = found_libraries[before].load() == library;
        if (is_told) continue;
        is_named = true;
        RawLine line("error");
        line << "stopping takes too long: " << whose << " is still in code of " << library;
        line.write();
    }
    return is_named;
}

}  // namespace

bool name_threads_in_modules() noexcept {
    const int signal = SIGRTMIN + 8;  // NOLINT: of nobody's use otherwise, and if so: the program ends
    struct sigaction how {};
    how.sa_sigaction = &look;
    how.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigaction(signal, &how, nullptr);
    ask(::getpid(), signal);
    if (name_found("the main thread")) return true;
    ask_others(signal);
    return name_found("a thread");
}

}  // namespace modapi
