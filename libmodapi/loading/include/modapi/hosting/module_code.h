#pragma once

#include <async/callback_frame.h>

#include <sys/types.h>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace modapi {

/// What of modules runs where, for who must name it when nothing else works any more: everything that reads here may be called from
/// a signal handler, and neither allocates nor waits. What is noted beyond a fixed number (256 of each) is just not named.
namespace module_code {

/// A module library that has just been loaded. `handle` is what dlopen gave. Thread: one at a time.
void note_library(const std::filesystem::path& file, void* handle) noexcept;

/// The file of the module library that has this instruction; null: none has.
[[nodiscard]] const char* library_at(std::uintptr_t instruction) noexcept;
/// The file of the module library whose function is the innermost on the calling thread's stack, from the address `from` on; null:
/// there is none. Told by what looks like a return address: now and then one that was left behind.
[[nodiscard]] const char* library_on_stack(std::uintptr_t from) noexcept;
/// In a signal handler, of what the signal came in between.
[[nodiscard]] const char* library_interrupted(const void* context) noexcept;

/// A thread's worker, and what that has on its stack.
struct OnThread {
    const char* worker = nullptr;                    ///< null: the thread runs none
    const async::callback_identity* callback = nullptr;  ///< null: none runs now
};
/// What a thread of this process runs just now, by its stack.
[[nodiscard]] OnThread on_thread(pid_t thread) noexcept;
/// Calls `visit(worker)` for every thread that runs one.
void each_worker(void (*visit)(void* with, const OnThread& on), void* with) noexcept;

}  // namespace module_code

/// Says that the calling thread runs a worker, as long as it lives; a thread may run one after another. Also gives the thread a stack
/// on which a signal handler can run when its own has no room left.
class WorkerOnThread {
public:
    /// Both outlive it.
    WorkerOnThread(std::string_view worker, const async::running_callback_mark& mark);
    ~WorkerOnThread();
    WorkerOnThread(const WorkerOnThread&) = delete;
    WorkerOnThread& operator=(const WorkerOnThread&) = delete;

private:
    struct Entry;
    friend module_code::OnThread module_code::on_thread(pid_t) noexcept;
    friend void module_code::each_worker(void (*)(void*, const module_code::OnThread&), void*) noexcept;

    Entry* entry_ = nullptr;
    std::unique_ptr<char[]> handlers_stack_;
};

}  // namespace modapi
