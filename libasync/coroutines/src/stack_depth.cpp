#include <async/stack_depth.h>

#include <async/frame_allocator.h>
#include <async/promise.h>

#include <pthread.h>

#include <algorithm>
#include <new>
#include <utility>

namespace async::detail {

constinit thread_local thread_stack this_thread_stack;

struct thread_stack::put_off {
    std::coroutine_handle<> waiting;
    put_off* next;
};

namespace {

/// Of stack for what is nested. Some thousand coroutines, of which few keep more on it than a return address; a sanitizer that
/// keeps a stack of its own has room for them, too.
constexpr std::uintptr_t budget = 256 * 1024;

/// What they call needs stack as well, and so does an exception that is thrown there.
constexpr std::uintptr_t least_rest = 16 * 1024;

/// The address that nothing that is nested may come below, whatever ran before.
std::uintptr_t floor_of_this_thread() noexcept {
    static thread_local std::uintptr_t known = 0;
    if (known != 0) return known;
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return known = 1;
    void* end = nullptr;
    std::size_t size = 0;
    const bool is_known = pthread_attr_getstack(&attributes, &end, &size) == 0;
    pthread_attr_destroy(&attributes);
    return known = is_known ? reinterpret_cast<std::uintptr_t>(end) + std::max(size / 4, std::min(size, least_rest)) : 1;
}

/// Lets what is nested from here on have its part of the stack.
void begin_at(std::uintptr_t here) noexcept {
    this_thread_stack.lowest = std::max(here > budget ? here - budget : 0, floor_of_this_thread());
}

}  // namespace

bool is_known_stack_low() noexcept {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    if (this_thread_stack.lowest == UINTPTR_MAX) begin_at(here);
    return here < this_thread_stack.lowest;
}

void put_off(std::coroutine_handle<> waiting) noexcept {
    thread_stack& stack = this_thread_stack;
    auto* const added = ::new (allocate_frame(sizeof(thread_stack::put_off))) thread_stack::put_off{waiting, nullptr};
    (stack.last == nullptr ? stack.first : stack.last->next) = added;
    stack.last = added;
}

void resume_put_off() noexcept {
    thread_stack& stack = this_thread_stack;
    // An executor that is run from deep within: without this everything in it would be put off, one by one.
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    if (here < stack.lowest + budget / 2) begin_at(here);
    while (stack.first != nullptr) {
        thread_stack::put_off* const next = stack.first;
        stack.first = next->next;
        if (stack.first == nullptr) stack.last = nullptr;
        const std::coroutine_handle<> waiting = next->waiting;
        free_frame(next, sizeof(thread_stack::put_off));
        // As of every coroutine of the framework, whatever it yields.
        const context& its_own = *std::coroutine_handle<promise_base>::from_address(waiting.address()).promise().here;
        if (chain_observer* const observer = its_own.environment->observer) {
            observer->suspended();
            observer->resumed(its_own);
        }
        waiting.resume();
    }
}

}  // namespace async::detail
