#pragma once

#include <async/context.h>
#include <async/frame_allocator.h>

#include <coroutine>
#include <exception>
#include <type_traits>

namespace async {

template <class T = void>
class task;

namespace detail {

template <class Awaitable>
concept context_awaitable = requires(Awaitable& awaitable, const context& here) {
    awaitable.bind_context(here);
};

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

struct this_context_awaiter {
    const context* here;
    [[nodiscard]] bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    [[nodiscard]] const context& await_resume() const noexcept { return *here; }
};

template <class T>
class task_awaiter;

/// Refers to an awaitable that stays where it is: GCC 12.2 copies an awaiter that await_transform returns by reference.
template <class Awaitable>
class bound_awaiter {
public:
    explicit bound_awaiter(Awaitable& awaitable) noexcept : awaitable_(awaitable) {}
    [[nodiscard]] bool await_ready() const { return awaitable_.await_ready(); }
    auto await_suspend(std::coroutine_handle<> waiting) const { return awaitable_.await_suspend(waiting); }
    decltype(auto) await_resume() const { return awaitable_.await_resume(); }

private:
    Awaitable& awaitable_;
};

/// What every coroutine of the framework shares: pooled frames, the context, and who waits for it.
class promise_base {
public:
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { free_frame(memory, size); }

    promise_base() noexcept = default;
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;

    /// Resumes the awaiter, if there is one yet. None is there while the awaiter is still inside its await_suspend, which
    /// then sees that this coroutine is done and never suspends: that keeps the stack flat without a tail call.
    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return ends_its_frame; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
            if (const std::coroutine_handle<> waiting = finished.promise().continuation) waiting.resume();
        }
        void await_resume() const noexcept {}

        bool ends_its_frame = false;
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }

    this_context_awaiter await_transform(this_context_t) const noexcept { return {here}; }
    template <class T>
    task_awaiter<T> await_transform(task<T>&& awaited) const;
    template <class T>
    task_awaiter<T> await_transform(task<T>& awaited) const = delete;  // a task is awaited once: co_await std::move(task)
    template <context_awaitable Awaitable>
    bound_awaiter<std::remove_reference_t<Awaitable>> await_transform(Awaitable&& awaitable) const {
        awaitable.bind_context(*here);
        return bound_awaiter<std::remove_reference_t<Awaitable>>(awaitable);
    }
    /// Everything else; the message is for whoever wrote the await.
    template <class Other>
    requires(!context_awaitable<Other> && !is_task<std::remove_cvref_t<Other>>) std::suspend_never await_transform(Other&&)
    const {
        static_assert(is_task<Other>,
                      "a task awaits tasks and what the framework gives; an operation of Asio is awaited with the completion "
                      "token async::use_task, an asio::awaitable by asio::co_spawn(executor, ..., async::use_task)");
        return {};
    }

    std::coroutine_handle<> continuation;
    const context* here = nullptr;
};

/// The root of a chain: starts at once, owns nothing but itself, ends itself. Its body handles every exception.
class root_coroutine {
public:
    class promise_type : public promise_base {
    public:
        template <class... Arguments>
        explicit promise_type(const context& root, Arguments&&...) noexcept {
            here = &root;
        }
        root_coroutine get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

}  // namespace detail
}  // namespace async
