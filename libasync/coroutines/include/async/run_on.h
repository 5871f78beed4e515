#pragma once

#include <async/callable.h>
#include <async/suspension.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>

namespace async {

namespace detail {

/// A task's wait for work that others do: on their thread they `begin` it, do it, as often as need be, and `finish` the wait, which
/// resumes the task on its own executor. Work that began can't be cut.
///
/// A derived class hands the work over in `await_suspend`, behind `leave`, and doesn't touch itself afterwards. Thread: begin, at_work and finish on any, one after
/// the other. Lifetime: after `finish` it may be gone.
class handed_over {
public:
    handed_over() noexcept : registration_(*this) {}
    handed_over(const handed_over&) = delete;
    handed_over& operator=(const handed_over&) = delete;

    void bind_context(const context& here) noexcept { here_ = &here; }
    [[nodiscard]] bool await_ready() const noexcept { return here_->cancel_requested() != cancel_reason::none; }
    /// Throws only when the chain was cancelled before the work began.
    void await_resume();

    /// False: the task has given up; there is nothing to do but to finish.
    [[nodiscard]] bool begin() noexcept;
    void finish() noexcept;

    /// While it lives, this thread works for the task: what it logs is the task's.
    class at_work {
    public:
        explicit at_work(const handed_over& wait) noexcept;
        ~at_work();
        at_work(const at_work&) = delete;
        at_work& operator=(const at_work&) = delete;

    private:
        chain_observer* observer_;
    };

protected:
    ~handed_over() = default;
    /// Before the work is where others may take it.
    void leave(std::coroutine_handle<> waiting);

private:
    enum class progress : unsigned char { queued, began, given_up };
    void cancel(cancel_reason reason);

    const context* here_ = nullptr;
    std::coroutine_handle<> waiting_;
    /// Keeps the task's own executor running while the work is away. It travels back with the resumption: released on the other
    /// thread, it would touch an executor that may end as soon as the task has.
    std::optional<boost::asio::executor_work_guard<boost::asio::any_io_executor>> home_;
    std::atomic<progress> progress_{progress::queued};
    cancel_reason given_up_for_ = cancel_reason::none;
    bool away_ = false;
    cancellation_callback<handed_over, &handed_over::cancel> registration_;
};

/// Runs `work(state)` on another executor, then resumes on the task's own.
class offload : public handed_over {
public:
    offload(const boost::asio::any_io_executor& executor, void (*work)(void*), void* state) noexcept
        : executor_(executor), work_(work), state_(state) {}

    void await_suspend(std::coroutine_handle<> waiting);

private:
    boost::asio::any_io_executor executor_;
    void (*work_)(void*);
    void* state_;
};

template <class Function, class... Arguments>
task<std::remove_cvref_t<std::invoke_result_t<Function&, Arguments&...>>> run_offloaded(boost::asio::any_io_executor executor,
                                                                                        Function function,
                                                                                        Arguments... arguments) {
    using result = std::remove_cvref_t<std::invoke_result_t<Function&, Arguments&...>>;
    struct call {
        Function& function;
        std::tuple<Arguments&...> arguments;
        std::optional<ready_value<result>> value;
        std::exception_ptr failure;

        static void run(void* self) {
            call& made = *static_cast<call*>(self);
            try {
                if constexpr (std::is_void_v<result>) {
                    std::apply(made.function, made.arguments);
                    made.value.emplace();
                } else {
                    made.value.emplace(std::apply(made.function, made.arguments));
                }
            } catch (...) {
                made.failure = std::current_exception();
            }
        }
    };
    call made{function, {arguments...}, std::nullopt, nullptr};
    offload hop(executor, &call::run, &made);
    co_await hop;
    if (made.failure) std::rethrow_exception(made.failure);
    if constexpr (!std::is_void_v<result>) co_return std::move(*made.value);
}

}  // namespace detail

/// Runs the blocking call `function(arguments...)` on `executor` (a thread pool) and resumes on the task's own.
///
/// Arguments are copied into the frame and passed as lvalues. Cancel: a call that began is waited for; one that didn't
/// begin isn't made; the task goes on when its turn in the queue has come. Errors: what the function throws.
/// Lifetime: the executor runs what it was given before it ends, and before this task's executor does.
template <class Function, class... Arguments>
auto run_on(boost::asio::any_io_executor executor, Function&& function, Arguments&&... arguments) {
    detail::require_safe_callable<Function>();
    return detail::run_offloaded<std::decay_t<Function>, std::decay_t<Arguments>...>(
        std::move(executor), std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}

}  // namespace async
