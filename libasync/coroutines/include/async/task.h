#pragma once

#include <async/promise.h>

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace async {

namespace detail {

template <class T>
class driven_task;

template <class T>
class task_promise : public promise_base {
public:
    ~task_promise() {
        if (state_ == state::value) value_.~T();
        if (state_ == state::failure) failure_.~exception_ptr();
    }
    task_promise() noexcept {}

    task<T> get_return_object() noexcept;
    final_awaiter final_suspend() noexcept;

    /// Not a template over anything convertible: the conversion happens at the co_return, in the module's own code, where a
    /// deprecation warning belongs.
    void return_value(T value) noexcept(std::is_nothrow_move_constructible_v<T>) {
        ::new (static_cast<void*>(&value_)) T(std::move(value));
        state_ = state::value;
    }
    void unhandled_exception() noexcept {
        ::new (static_cast<void*>(&failure_)) std::exception_ptr(std::current_exception());
        state_ = state::failure;
        driven = nullptr;  // who drives it takes the failure from the frame
    }
    [[nodiscard]] T take_result() {
        if (state_ == state::failure) [[unlikely]]
            std::rethrow_exception(std::exchange(failure_, nullptr));
        return std::move(value_);
    }

    task<T>* driven = nullptr;  ///< who runs this coroutine right now, without awaiting it

private:
    enum class state : unsigned char { running, value, failure };

    union {
        T value_;
        std::exception_ptr failure_;
    };
    state state_ = state::running;
};

template <>
class task_promise<void> : public promise_base {
public:
    task<void> get_return_object() noexcept;
    final_awaiter final_suspend() const noexcept;
    void return_void() const noexcept {}
    void unhandled_exception() noexcept {
        failure_ = std::current_exception();
        driven = nullptr;  // who drives it takes the failure from the frame
    }
    void take_result() {
        if (failure_) [[unlikely]]
            std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    task<void>* driven = nullptr;  ///< who runs this coroutine right now, without awaiting it

private:
    std::exception_ptr failure_;
};

struct empty_value {};
template <class T>
using ready_value = std::conditional_t<std::is_void_v<T>, empty_value, T>;

/// Ends the program, unless a test's simulation cleans up after a chain that can't end.
void dropped_running_task() noexcept;
class running_tasks_may_be_dropped {
public:
    running_tasks_may_be_dropped() noexcept;
    ~running_tasks_may_be_dropped();
    running_tasks_may_be_dropped(const running_tasks_may_be_dropped&) = delete;
    running_tasks_may_be_dropped& operator=(const running_tasks_may_be_dropped&) = delete;
};

}  // namespace detail

/// A lazily started computation that yields one T or throws.
///
/// Start:     nothing runs until the task is awaited; dropping it unawaited only frees its arguments. A task that was
///            started and isn't finished must not be dropped (the program ends with a message): its awaiter outlives it.
/// Resume:    the awaiter continues on the executor it was on before the await, without a trip through that executor.
/// Ownership: move-only; await it once, as an rvalue. A moved-from task may only be destroyed.
/// Errors:    an exception thrown by the body is rethrown from the await, once.
/// Cancel:    the awaiter's context is inherited; see async/cancellation.h. Suspended leaf operations throw.
/// Arguments: copied into the frame. A reference must outlive the task's completion.
/// Thread:    one chain of tasks is run by one executor, which never runs two handlers at once (async/context.h).
/// Cost:      one pooled frame for a coroutine, none for a ready task; awaiting a task that finishes at once never suspends
///            its awaiter, so that loops of such awaits keep the stack flat in every build.
template <class T>
class [[nodiscard]] task {
public:
    using value_type = T;
    using promise_type = detail::task_promise<T>;

    task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)), ready_(std::move(other.ready_)) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            destroy();
            frame_ = std::exchange(other.frame_, nullptr);
            ready_ = std::move(other.ready_);
        }
        return *this;
    }
    ~task() { destroy(); }

    /// A task that is finished: no coroutine, no frame. `make_ready_task(value)` deduces T.
    template <class... Value>
    requires std::constructible_from<detail::ready_value<T>, Value...>
    explicit task(std::in_place_t, Value&&... value) : ready_(std::in_place, std::forward<Value>(value)...) {}

    /// Runs under `here` instead of its awaiter's context. `here` outlives the task.
    [[nodiscard]] task&& in(const context& here) && noexcept {
        if (frame_) frame_.promise().here = &here;
        return std::move(*this);
    }

    /// Whether the result is there already. An unstarted coroutine isn't finished.
    [[nodiscard]] bool finished() const noexcept { return !frame_ || frame_.done(); }

private:
    friend class detail::task_promise<T>;
    friend class detail::task_awaiter<T>;
    friend class detail::driven_task<T>;

    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    void destroy() noexcept {
        if (!frame_) return;
        if (frame_.promise().continuation && !frame_.done()) [[unlikely]]
            detail::dropped_running_task();
        frame_.destroy();
        frame_ = nullptr;
    }

    std::coroutine_handle<promise_type> frame_;
    std::optional<detail::ready_value<T>> ready_;
};

/// A task that already holds its value; costs no frame.
template <class T>
[[nodiscard]] task<std::remove_cvref_t<T>> make_ready_task(T&& value) {
    return task<std::remove_cvref_t<T>>(std::in_place, std::forward<T>(value));
}
/// A task that has ended already. Cost: no frame.
[[nodiscard]] inline task<void> make_ready_task() { return task<void>(std::in_place); }

namespace detail {

template <class T>
class task_awaiter {
public:
    /// Starts the task here, inside await_ready, so that an awaiter whose task finishes at once never even suspends.
    task_awaiter(task<T>& awaited, const context* inherited) noexcept : task_(awaited) {
        if (task_.frame_ && task_.frame_.promise().here == nullptr) task_.frame_.promise().here = inherited;
    }

    [[nodiscard]] bool await_ready() const {
        if (!task_.frame_) return true;
        task_.frame_.resume();
        return task_.frame_.done();
    }
    void await_suspend(std::coroutine_handle<> awaiter) const noexcept { task_.frame_.promise().continuation = awaiter; }
    T await_resume() const {
        if (task_.frame_) return task_.frame_.promise().take_result();
        if constexpr (!std::is_void_v<T>) return std::move(*task_.ready_);
    }

private:
    task<T>& task_;
};

template <class T>
task_awaiter<T> promise_base::await_transform(task<T>&& awaited) const {
    return {awaited, here};
}

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}
template <class T>
promise_base::final_awaiter task_promise<T>::final_suspend() noexcept {
    if (driven == nullptr) return {false};
    driven->ready_.emplace(std::move(value_));
    driven->frame_ = nullptr;
    return {true};
}
inline promise_base::final_awaiter task_promise<void>::final_suspend() const noexcept {
    if (driven == nullptr) return {false};
    driven->frame_ = nullptr;
    return {true};
}

}  // namespace detail
}  // namespace async
