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
class task_promise : public task_body {
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
        if (state_ == state::value) value_.~T();  // what was thrown after the co_return counts
        ::new (static_cast<void*>(&failure_)) std::exception_ptr(std::current_exception());
        state_ = state::failure;
        failed();
    }
    [[nodiscard]] bool has_failed() const noexcept { return state_ == state::failure; }
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    [[nodiscard]] std::exception_ptr take_failure() noexcept { return std::exchange(failure_, nullptr); }
    /// Of one that hasn't failed.
    [[nodiscard]] T take_value() { return std::move(value_); }

private:
    enum class state : unsigned char { running, value, failure };

    union {
        T value_;
        std::exception_ptr failure_;
    };
    state state_ = state::running;
};

template <>
class task_promise<void> : public task_body {
public:
    task<void> get_return_object() noexcept;
    final_awaiter final_suspend() const noexcept;
    void return_void() const noexcept {}
    void unhandled_exception() noexcept {
        failure_ = std::current_exception();
        failed();
    }
    [[nodiscard]] bool has_failed() const noexcept { return failure_ != nullptr; }
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    [[nodiscard]] std::exception_ptr take_failure() noexcept { return std::exchange(failure_, nullptr); }
    void take_value() const noexcept {}

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
/// Errors:    an exception thrown by the body is rethrown from the await, once; the body's arguments are gone then, so that the
///            exception must not refer to them. A body that waits and has nothing to catch it is ended where it waits, as
///            `destroy` ends a coroutine: its locals go in the same order, and nothing is thrown in it (async/await_point.h).
/// Cancel:    the awaiter's context is inherited; see async/cancellation.h. Suspended leaf operations throw, or end who waits.
/// Arguments: copied into the frame. A reference must outlive the task's completion.
/// Thread:    one chain of tasks is run by one executor, which never runs two handlers at once (async/context.h).
/// Cost:      one pooled frame for a coroutine, none for a ready task; awaiting a task that finishes at once never suspends
///            its awaiter, so that loops of such awaits keep the stack flat in every build. Nesting is bounded by memory
///            only (async/stack_depth.h).
template <class T>
class [[nodiscard]] task : detail::task_word {
public:
    using value_type = T;
    using promise_type = detail::task_promise<T>;

    task(task&& other) noexcept : detail::task_word(std::move(other)), ready_(std::move(other.ready_)) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            destroy();
            take_over(other);
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
        if (has_frame()) frame().promise().here = &here;
        return std::move(*this);
    }

    /// Whether the result is there already. An unstarted coroutine isn't finished.
    [[nodiscard]] bool finished() const noexcept { return !has_frame() || frame().done(); }

private:
    friend class detail::task_promise<T>;
    friend class detail::task_awaiter<T>;
    friend class detail::driven_task<T>;

    explicit task(std::coroutine_handle<promise_type> frame) noexcept : detail::task_word(frame.address()) {}

    /// Of a word that has one.
    [[nodiscard]] std::coroutine_handle<promise_type> frame() const noexcept {
        return std::coroutine_handle<promise_type>::from_address(detail::task_word::frame());
    }
    void destroy() noexcept {
        if (is_empty()) return;
        if (has_failed()) [[unlikely]] {
            static_cast<void>(take_failure());
            return;
        }
        if (!frame().done() && frame().promise().awaiter() != nullptr) [[unlikely]]
            detail::dropped_running_task();
        frame().destroy();
        forget();
    }

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
    task_awaiter(task<T>& awaited, const context* inherited) noexcept : point_(&awaited) {
        if (!awaited.is_empty() && awaited.frame().promise().here == nullptr) awaited.frame().promise().here = inherited;
    }
    task_awaiter(const task_awaiter&) = delete;
    task_awaiter& operator=(const task_awaiter&) = delete;

    [[nodiscard, gnu::always_inline]] bool await_ready() {
        if (awaited().is_empty()) return true;
        const std::coroutine_handle<task_promise<T>> frame = awaited().frame();
        if (is_stack_low()) [[unlikely]] {
            frame.promise().put_off();
            return false;
        }
        frame.resume();
        return frame.done();
    }
    template <class Promise>
    MODAPI_ASYNC_AWAIT_SITE void await_suspend(std::coroutine_handle<Promise> awaiter) {
        point_.waiting = awaiter.address();
        point_.site = site_in<Promise>(MODAPI_ASYNC_THIS_SITE);
        const std::coroutine_handle<task_promise<T>> frame = awaited().frame();
        const bool was_put_off = frame.promise().was_put_off();
        frame.promise().awaited_at(point_);
        if (was_put_off) [[unlikely]]
            put_off(frame);
    }
    [[gnu::always_inline]] T await_resume() {
        task<T>& ended = awaited();
        if (ended.is_empty()) {
            if constexpr (std::is_void_v<T>) {
                return;
            } else {
                return std::move(*ended.ready_);
            }
        }
        if (ended.has_failed() || ended.frame().promise().has_failed()) [[unlikely]]
            throw_failure();
        return ended.frame().promise().take_value();
    }

private:
    [[noreturn, gnu::cold, gnu::noinline]] void throw_failure() {
        if (awaited().has_failed()) throw_in_body(point_, awaited().take_failure());
        task_promise<T>& promise = awaited().frame().promise();
        const bool has_waited = promise.awaiter() != nullptr;
        std::exception_ptr failure = promise.take_failure();
        awaited().destroy();  // as of a body that is ended where it waits: its arguments are gone in a handler
        if (!has_waited) std::rethrow_exception(std::move(failure));
        throw_in_body(point_, std::move(failure));
    }
    [[nodiscard]] task<T>& awaited() const noexcept { return static_cast<task<T>&>(*point_.awaited); }

    await_point point_;
};

template <class T>
task_awaiter<T> promise_base::await_transform(task<T>&& awaited) const {
    return {awaited, here};
}

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    static_assert(alignof(task_promise) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                  "the result of a task needs no more alignment than new gives");
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}
template <class T>
task_body::final_awaiter task_promise<T>::final_suspend() noexcept {
    if (!is_driven()) [[unlikely]]
        return {false};
    auto* const run = static_cast<task<T>*>(driver());
    run->ready_.emplace(std::move(value_));
    run->forget();
    return {true};
}
inline task_body::final_awaiter task_promise<void>::final_suspend() const noexcept {
    if (!is_driven()) [[unlikely]]
        return {false};
    static_cast<task<void>*>(driver())->forget();
    return {true};
}

}  // namespace detail
}  // namespace async
