#pragma once

#include <async/cancellation.h>
#include <async/clock.h>
#include <async/stack_depth.h>

#include <boost/asio/any_io_executor.hpp>
#include <coroutine>

namespace boost::asio {
class io_context;
}

namespace async {

struct context;

/// Is told which chain an executor's thread runs. For whoever runs on top of coroutines and wants that seen from outside
/// (async/callback_frame.h). The first two are called on the thread of the executor.
class chain_observer {
public:
    virtual ~chain_observer() = default;
    /// From here on the thread runs code that has this context.
    virtual void resumed(const context& here) noexcept = 0;
    /// The chain has suspended or ended; the thread does something else.
    virtual void suspended() noexcept = 0;
    /// The calling thread begins work that the chain waits for and that another executor runs (async/run_on.h).
    virtual void began_elsewhere([[maybe_unused]] const context& here) noexcept {}
    /// It has ended; the thread does something else.
    virtual void ended_elsewhere() noexcept {}
};

/// What never changes along a task chain: where it runs and whose time it reads.
///
/// The executor must not run two handlers at once: an io_context that one thread runs, or a strand. Task chains rely on
/// it; that is what makes them free of locks and atomics.
struct environment {
    boost::asio::any_io_executor executor;
    async::clock* clock = &real_clock();
    /// The executor's io_context, if it is the executor of one: posting there needs no erased type. Else null.
    boost::asio::io_context* io = nullptr;
    /// Hears of every resumption; outlives the chains. Null: nobody does, and it costs nothing.
    chain_observer* observer = nullptr;

    explicit environment(boost::asio::any_io_executor runs_on, async::clock& time = real_clock());
};

/// What whoever runs on top of coroutines hangs onto a chain, by deriving from it. One such layer in a program: it knows the
/// type of what it finds.
struct layer_state {
protected:
    layer_state() = default;
    layer_state(const layer_state&) = default;
    layer_state& operator=(const layer_state&) = default;
    ~layer_state() = default;
};

/// What a task inherits from the one that awaits it. Four words, copied where a part of it changes (a deadline, a callback
/// being run), pointed to otherwise.
///
/// Lifetime: the environment, the source and the layer's state outlive every task that runs with this context; the root of the
/// chain (scope, co_spawn, sync_wait) owns the first two.
struct context {
    const async::environment* environment = nullptr;
    cancellation_source* cancellation = nullptr;  ///< null: nothing can cancel this chain
    const layer_state* layer = nullptr;           ///< of whoever runs on top; null: nobody does
    bool shielded = false;                        ///< `caller_gone` is kept from this part of the chain

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
    void throw_if_cancelled() const {
        const cancel_reason reason = cancel_requested();
        if (reason != cancel_reason::none) [[unlikely]]
            throw_cancelled(reason);
    }
    /// From here on `registration` hears when this chain must end.
    void add(cancellation_registration& registration) const noexcept {
        if (cancellation != nullptr) cancellation->add(registration, shielded);
    }
    /// From here on `source` says when this chain must end, for whatever reason.
    void end_with(cancellation_source& source) noexcept {
        cancellation = &source;
        shielded = false;
    }
};

namespace detail {

/// Resumes a suspended coroutine from a handler of its executor, and tells the observer.
inline void resume_observed(std::coroutine_handle<> waiting, const context& here) {
    chain_observer* const observer = here.environment->observer;
    if (observer != nullptr) observer->resumed(here);
    waiting.resume();  // `here` may be gone after this
    if (this_thread_stack.first != nullptr) [[unlikely]]
        resume_put_off();
    if (observer != nullptr) observer->suspended();
}

/// Starts a chain with this context from a handler of its executor, by calling `start`, and tells the observer.
template <class Start>
void start_observed(const context& root, Start&& start) {
    chain_observer* const observer = root.environment->observer;
    if (observer != nullptr) observer->resumed(root);
    start();  // `root` may be gone after this
    if (this_thread_stack.first != nullptr) [[unlikely]]
        resume_put_off();
    if (observer != nullptr) observer->suspended();
}

}  // namespace detail

/// `const async::context& here = co_await async::this_context;` gives a task its own context. Never suspends.
struct this_context_t {};
/// What is awaited for it.
inline constexpr this_context_t this_context{};

}  // namespace async
