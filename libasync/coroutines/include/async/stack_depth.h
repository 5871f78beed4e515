#pragma once

#include <coroutine>
#include <cstdint>

namespace async::detail {

/// How far nested coroutines may use this thread's stack, and those that wait until there is room on it. A coroutine that is
/// awaited runs on the stack of its awaiter, and its awaiter goes on upon its own: past a safe depth neither does, but is put
/// off until whoever resumed the first of them has the thread again (context.h). So chains may be as long as there is memory.
struct thread_stack {
    struct put_off;

    std::uintptr_t lowest = UINTPTR_MAX;  ///< below this address nothing more is begun; at first nobody knows
    put_off* first = nullptr;
    put_off* last = nullptr;
};
extern constinit thread_local thread_stack this_thread_stack [[gnu::tls_model("initial-exec")]];

/// Measures where the stack ends if nobody did before. True: there is no room.
[[nodiscard, gnu::cold]] bool is_known_stack_low() noexcept;

[[nodiscard, gnu::always_inline]] inline bool is_stack_low() noexcept {
#if defined(__x86_64__) && defined(__GCC_ASM_FLAG_OUTPUTS__)
    bool is_below = false;
    asm("cmp %1, %%rsp" : "=@ccb"(is_below) : "m"(this_thread_stack.lowest));
    if (!is_below) [[likely]]
        return false;
#else
    if (reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) >= this_thread_stack.lowest) [[likely]]
        return false;
#endif
    return is_known_stack_low();
}

/// Resumes a coroutine of the framework when there is room, under its own context: others may be resumed in between.
[[gnu::cold]] void put_off(std::coroutine_handle<> waiting) noexcept;
/// Resumes those that were put off, and those that are meanwhile.
[[gnu::cold]] void resume_put_off() noexcept;

/// A coroutine goes on from within another one.
inline void resume_nested(std::coroutine_handle<> waiting) {
    if (is_stack_low()) [[unlikely]]
        return put_off(waiting);
    waiting.resume();
}

}  // namespace async::detail
