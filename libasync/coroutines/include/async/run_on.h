#pragma once

#include <async/callable.h>
#include <async/suspension.h>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>

namespace async {

namespace detail {

/// Runs `work(state)` on another executor, then resumes on the task's own. Work that began can't be cut.
class offload {
public:
    offload(const boost::asio::any_io_executor& executor, void (*work)(void*), void* state) noexcept
        : executor_(executor), work_(work), state_(state), registration_(*this) {}
    offload(const offload&) = delete;
    offload& operator=(const offload&) = delete;

    void bind_context(const context& here) noexcept { here_ = &here; }
    [[nodiscard]] bool await_ready() const noexcept { return here_->cancel_requested() != cancel_reason::none; }
    void await_suspend(std::coroutine_handle<> waiting);
    /// Throws only when the chain was cancelled before the work began.
    void await_resume();

private:
    enum class progress : unsigned char { queued, began, given_up };
    void cancel(cancel_reason reason);
    /// On the other executor: does the work unless the task gave up before.
    void run() noexcept;

    boost::asio::any_io_executor executor_;
    void (*work_)(void*);
    void* state_;
    const context* here_ = nullptr;
    std::atomic<progress> progress_{progress::queued};
    cancel_reason given_up_for_ = cancel_reason::none;
    bool away_ = false;
    cancellation_callback<offload, &offload::cancel> registration_;
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
