#pragma once

#include <async/task.h>

#include <coroutine>
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
        if (!run.frame_) return true;
        task_promise<T>& promise = run.frame_.promise();
        if (promise.here == nullptr) promise.here = &here;
        promise.driven = &run;
        run.frame_.resume();
        if (!run.frame_) [[likely]]
            return true;
        promise.driven = nullptr;
        return run.frame_.done();
    }
    /// The result, or the exception, of a finished task.
    static T take(task<T>& run) {
        if (run.frame_) return run.frame_.promise().take_result();
        if constexpr (!std::is_void_v<T>) return std::move(*run.ready_);
    }

    /// Awaits what `start` began and didn't finish; doesn't take the result.
    explicit driven_task(task<T>& run) noexcept : run_(run) {}
    void bind_context(const context&) const noexcept {}
    [[nodiscard]] bool await_ready() const noexcept { return run_.frame_.done(); }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept { run_.frame_.promise().continuation = waiting; }
    void await_resume() const noexcept {}

private:
    task<T>& run_;
};

}  // namespace async::detail
