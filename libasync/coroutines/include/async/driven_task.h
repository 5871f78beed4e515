#pragma once

#include <async/task.h>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace async::detail {

/// Runs a task from a plain function, until it first suspends or ends. What is left of it is awaited.
/// A coroutine that gets to its end this way leaves its result in the task and ends its frame itself: it is entered twice
/// instead of three times, and nobody has to ask it for anything.
///
///     if (!driven_task<T>::start(run, here)) co_await driven_task<T>(run);
///     driven_task<T>::take(run);
template <class T>
class driven_task {
public:
    /// True: it is finished. `run` is a task that nobody started.
    [[nodiscard]] static bool start(task<T>& run, const context& here) {
        if (run.is_empty()) return true;
        const std::coroutine_handle<task_promise<T>> frame = run.frame();
        task_promise<T>& promise = frame.promise();
        if (promise.here == nullptr) promise.here = &here;
        promise.driven_for(&run);
        frame.resume();
        if (run.is_empty()) [[likely]]
            return true;
        promise.not_driven();
        return frame.done();
    }
    /// What a finished task failed with, once; null: it didn't.
    [[nodiscard]] static std::exception_ptr take_failure(task<T>& run) noexcept {
        if (run.is_empty()) return nullptr;
        if (run.has_failed()) [[unlikely]]
            return run.task_word::take_failure();
        task_promise<T>& promise = run.frame().promise();
        return promise.has_failed() ? promise.take_failure() : nullptr;
    }
    /// The result, or the exception, of a finished task.
    static T take(task<T>& run) {
        if (!run.is_empty()) [[unlikely]]
            return take_from_frame(run);
        if constexpr (!std::is_void_v<T>) return std::move(*run.ready_);
    }

    /// Gives the value of a finished task to `take(T&&)`, unless it is void; returns what the task, or `take`, failed with, and
    /// null where nothing did.
    template <class Take>
    [[nodiscard]] static std::exception_ptr settle(task<T>& run, [[maybe_unused]] Take&& take) noexcept {
        std::exception_ptr failure = take_failure(run);
        if constexpr (!std::is_void_v<T>) {
            if (!failure) [[likely]] {
                try {
                    take(take_value(run));
                } catch (...) {
                    failure = std::current_exception();
                }
            }
        }
        return failure;
    }

    /// The result of one that hasn't failed.
    static T take_value(task<T>& run) {
        if (!run.is_empty()) return run.frame().promise().take_value();
        if constexpr (!std::is_void_v<T>) return std::move(*run.ready_);
    }

    /// Awaits what `start` began and didn't finish; doesn't take the result, so that nothing is thrown.
    explicit driven_task(task<T>& run) noexcept : point_(&run) {}
    driven_task(const driven_task&) = delete;
    driven_task& operator=(const driven_task&) = delete;
    void bind_context(const context&) const noexcept {}
    [[nodiscard]] bool await_ready() const noexcept { return run().finished(); }
    void await_suspend(std::coroutine_handle<> waiting) noexcept {
        point_.waiting = waiting.address();
        point_.site = nullptr;
        run().frame().promise().awaited_at(point_);
    }
    void await_resume() const noexcept {}

private:
    [[gnu::noinline]] static T take_from_frame(task<T>& run) {
        if (std::exception_ptr failure = take_failure(run)) std::rethrow_exception(std::move(failure));
        return take_value(run);
    }

    [[nodiscard]] task<T>& run() const noexcept { return static_cast<task<T>&>(*point_.awaited); }

    await_point point_;
};

}  // namespace async::detail
