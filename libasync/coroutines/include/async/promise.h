#pragma once

#include <async/await_point.h>
#include <async/context.h>
#include <async/frame_allocator.h>
#include <async/stack_depth.h>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

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

/// The part of a promise that every task's coroutine has: who runs it or waits for it, and whether it is the one or the other
/// is in the lowest bit.
class task_body;
template <class Promise>
inline constexpr bool is_task_promise = std::is_base_of_v<task_body, Promise>;

/// `site` if a coroutine with this promise may be ended there.
template <class Promise>
[[nodiscard]] constexpr const void* site_in(const void* site) noexcept {
    return is_task_promise<Promise> ? site : nullptr;
}

/// An awaitable that only throws when a cancellation has woken it, which may then end the body that awaits it.
template <class Awaitable>
concept ends_its_awaiter = requires(Awaitable& awaitable) {
    awaitable.waits_at(nullptr);
};

/// Refers to an awaitable that stays where it is: GCC 12.2 copies an awaiter that await_transform returns by reference.
template <class Awaitable>
class bound_awaiter {
public:
    explicit bound_awaiter(Awaitable& awaitable) noexcept : awaitable_(awaitable) {}
    [[nodiscard]] bool await_ready() const { return awaitable_.await_ready(); }
    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> waiting) const {
        return awaitable_.await_suspend(waiting);
    }
    decltype(auto) await_resume() const { return awaitable_.await_resume(); }

private:
    Awaitable& awaitable_;
};
template <ends_its_awaiter Awaitable>
class bound_awaiter<Awaitable> {
public:
    explicit bound_awaiter(Awaitable& awaitable) noexcept : awaitable_(awaitable) {}
    [[nodiscard]] bool await_ready() const { return awaitable_.await_ready(); }
    template <class Promise>
    MODAPI_ASYNC_AWAIT_SITE auto await_suspend(std::coroutine_handle<Promise> waiting) const {
        awaitable_.waits_at(site_in<Promise>(MODAPI_ASYNC_THIS_SITE));
        return awaitable_.await_suspend(waiting);
    }
    decltype(auto) await_resume() const { return awaitable_.await_resume(); }

private:
    Awaitable& awaitable_;
};

/// What every coroutine of the framework shares: pooled frames, and the context.
class promise_base {
public:
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { free_frame(memory, size); }

    promise_base() noexcept = default;
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;

    std::suspend_always initial_suspend() const noexcept { return {}; }

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

    const context* here = nullptr;
};

class task_body : public promise_base {
public:
    /// Where who awaits it waits; null: nobody does yet, or who runs it doesn't await it.
    [[nodiscard]] await_point* awaiter() const noexcept {
        return (who_ & isnt_driven) != 0 ? reinterpret_cast<await_point*>(who_ & ~(isnt_driven | is_put_off)) : nullptr;
    }
    void awaited_at(await_point& where) noexcept { who_ = reinterpret_cast<std::uintptr_t>(&where) | isnt_driven; }
    /// From here on `run`, a task, is what it leaves its result in and ends its own frame for.
    void driven_for(void* run) noexcept { who_ = reinterpret_cast<std::uintptr_t>(run); }
    void not_driven() noexcept { who_ = isnt_driven; }
    /// It isn't begun yet, for want of stack; whoever awaits it sees to that.
    void put_off() noexcept { who_ = isnt_driven | is_put_off; }
    [[nodiscard]] bool was_put_off() const noexcept { return (who_ & is_put_off) != 0; }

    /// Resumes the awaiter, if there is one yet, or ends what waits with nothing to catch the failure. None is there while the
    /// awaiter is still inside its await_ready, which then sees that this coroutine is done and never suspends: that keeps the
    /// stack flat without a tail call.
    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return ends_its_frame; }
        template <class Promise>
        [[gnu::always_inline]] void await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
            if (await_point* const waits = finished.promise().awaiter()) go_on(*waits, finished.promise());
        }
        template <class Promise>
        [[gnu::noinline]] static void go_on(await_point& waits, Promise& promise) noexcept {
            if (promise.has_failed() && would_end(waits, type_of(promise.failure()))) [[unlikely]]
                return end_bodies(&waits, promise.take_failure());
            resume_nested(waits.coroutine());
        }
        void await_resume() const noexcept {}

        bool ends_its_frame = false;
    };

protected:
    task_body() noexcept = default;
    ~task_body() = default;

    [[nodiscard]] bool is_driven() const noexcept { return (who_ & isnt_driven) == 0; }
    /// Of one that is driven.
    [[nodiscard]] void* driver() const noexcept { return reinterpret_cast<void*>(who_); }
    void failed() noexcept {
        if (is_driven()) not_driven();  // who drives it takes the failure from the frame
        reached_the_end(*this);
    }

private:
    // Of the two, who drives a coroutine is what most of them end for: that is the address as it is.
    static constexpr std::uintptr_t isnt_driven = 1;
    static constexpr std::uintptr_t is_put_off = 2;

    std::uintptr_t who_ = isnt_driven;
};

inline task_body& await_point::body() const noexcept {
    // A promise begins with it, and lies behind the two functions of its frame.
    return std::coroutine_handle<task_body>::from_address(waiting).promise();
}

/// Ends the coroutine that awaits it with a failure, as if that were thrown here, where nothing catches it. It isn't thrown if
/// somebody waits for the coroutine: for one that only passes on what failed in it.
///
///     if (failure) co_await detail::ends_with(std::move(failure));
class ends_with {
public:
    explicit ends_with(std::exception_ptr failure) noexcept : failure_(std::move(failure)) {}
    ends_with(const ends_with&) = delete;
    ends_with& operator=(const ends_with&) = delete;
    void bind_context(const context&) const noexcept {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    /// Not inlined: the frame that it runs for ends in it.
    template <class Promise>
    [[gnu::noinline]] bool await_suspend(std::coroutine_handle<Promise> ending) noexcept {
        if constexpr (is_task_promise<Promise>) {
            if (ending.promise().awaiter() == nullptr) return false;
            point_.waiting = ending.address();
            point_.site = nullptr;
            end_bodies(&point_, std::move(failure_));  // this is gone now
            return true;
        } else {
            return false;
        }
    }
    [[noreturn]] void await_resume() { std::rethrow_exception(std::move(failure_)); }

private:
    std::exception_ptr failure_;
    await_point point_;
};

/// Awaited before a task is run from a plain function (driven_task.h), which looks at no stack: goes on where there is room.
struct room_on_stack {
    void bind_context(const context&) const noexcept {}
    [[nodiscard]] bool await_ready() const noexcept { return !is_stack_low(); }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept { put_off(waiting); }
    void await_resume() const noexcept {}
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
