#pragma once

#include <async/cancellation.h>
#include <async/clock.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <coroutine>
#include <cstdint>

namespace boost::asio {
class io_context;
}

namespace async {

struct callback_identity;

/// What never changes along a task chain: where it runs and whose time it reads.
///
/// The executor must not run two handlers at once: an io_context that one thread runs, or a strand. Task chains rely on
/// it; that is what makes them free of locks and atomics.
struct environment {
    boost::asio::any_io_executor executor;
    async::clock* clock = &real_clock();
    /// The executor's io_context, if it is the executor of one: posting there needs no erased type. Else null.
    boost::asio::io_context* io = nullptr;
    /// Where this executor's thread notes whose callback is on its stack right now, for a watchdog on another thread.
    std::atomic<const callback_identity*>* on_stack = nullptr;

    explicit environment(boost::asio::any_io_executor runs_on, async::clock& time = real_clock());
};

/// What a task inherits from the one that awaits it. Four words, copied where a part of it changes (a deadline, a callback
/// being run), pointed to otherwise.
///
/// Lifetime: the environment and the source outlive every task that runs with this context; the root of the chain (scope,
/// co_spawn, sync_wait) owns them.
struct context {
    const async::environment* environment = nullptr;
    cancellation_source* cancellation = nullptr;  ///< null: nothing can cancel this chain
    const callback_identity* running = nullptr;   ///< the module's callback being run, for logs; null outside of one
    bool shielded = false;                        ///< `caller_gone` is kept from this part of the chain
    std::uint32_t nesting = 0;                    ///< how many calls of modules back into the host this chain has gone through

    explicit context(const async::environment& surroundings, cancellation_source* source = nullptr) noexcept
        : environment(&surroundings), cancellation(source) {}

    [[nodiscard]] const boost::asio::any_io_executor& executor() const noexcept { return environment->executor; }
    [[nodiscard]] async::clock& clock() const noexcept { return *environment->clock; }

    /// The reason this chain must end, or `none`.
    [[nodiscard]] cancel_reason cancel_requested() const noexcept {
        if (cancellation == nullptr) return cancel_reason::none;
        const cancel_reason reason = cancellation->requested();
        return shielded && reason == cancel_reason::caller_gone ? cancel_reason::none : reason;
    }
    /// Notes that this context's callback (or none) is on the stack from here on.
    void note_on_stack() const noexcept {
        if (environment->on_stack != nullptr) environment->on_stack->store(running, std::memory_order_relaxed);
    }
    void throw_if_cancelled() const {
        const cancel_reason reason = cancel_requested();
        if (reason != cancel_reason::none) [[unlikely]]
            throw_cancelled(reason);
    }
};

namespace detail {

/// Resumes a leaf of a chain from a handler of its executor, with the note of whose code that is.
inline void resume_noted(std::coroutine_handle<> waiting, const context& here) {
    std::atomic<const callback_identity*>* const on_stack = here.environment->on_stack;
    here.note_on_stack();
    waiting.resume();  // `here` may be gone after this
    if (on_stack != nullptr) on_stack->store(nullptr, std::memory_order_relaxed);
}

}  // namespace detail

/// `const async::context& here = co_await async::this_context;` gives a task its own context. Never suspends.
struct this_context_t {};
inline constexpr this_context_t this_context{};

}  // namespace async
