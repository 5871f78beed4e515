#pragma once

#include <async/callable.h>
#include <async/child_context.h>
#include <async/driven_task.h>
#include <async/task.h>

#include <concepts>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace async {

/// A type with an asynchronous enter and exit of its own. `exit` gets what left the body (null: nothing did) and says
/// whether it dealt with it; a void exit deals with nothing.
template <class Manager, class T>
concept manages = requires(Manager& manager, std::exception_ptr failure) {
    { manager.enter() } -> std::same_as<task<T>>;
    requires std::same_as<decltype(manager.exit(failure)), task<bool>> ||
        std::same_as<decltype(manager.exit(failure)), task<void>>;
};

/// The asynchronous enter/exit protocol around a piece of work, type-erased, so that a callback can return it.
///
/// Two ways to make one:
///  * from an object with `task<T> enter()` and `task<bool> exit(std::exception_ptr)` (or `task<void>`);
///  * as the return type of a coroutine that yields its value once, between its set-up and its clean-up:
///
///        async::context_manager<int> limit_rate() {
///            co_await wait_for_my_turn();
///            co_yield 100;              // the body runs here; its exception comes out of this co_yield
///            release_my_turn();
///        }
///
/// A coroutine that catches the body's exception and ends normally has dealt with it.
/// Ownership: move-only, used once; dropped between enter and exit, a coroutine ends where it yielded (its locals are
/// destroyed). Errors: a coroutine that ends without yielding, or yields twice, gives logic_error. Cost: one block, and the
/// frames of enter and exit.
template <class T>
class [[nodiscard]] context_manager {
public:
    class promise_type;

    template <class Manager>
    requires(!std::same_as<std::remove_cvref_t<Manager>, context_manager>) &&
        manages<std::remove_cvref_t<Manager>, T> context_manager(
            Manager&& manager)  // NOLINT: implicit, so that a module returns its own type
        : state_(std::make_unique<object<std::remove_cvref_t<Manager>>>(std::forward<Manager>(manager))) {}

    /// Sets up and gives the value. Call once.
    [[nodiscard]] task<T> enter() { return state_->enter(); }
    /// Cleans up; runs exactly once after a successful enter. True: `failure` is dealt with.
    [[nodiscard]] task<bool> exit(std::exception_ptr failure) { return state_->exit(std::move(failure)); }

private:
    struct interface {
        virtual ~interface() = default;
        virtual task<T> enter() = 0;
        virtual task<bool> exit(std::exception_ptr failure) = 0;
    };

    template <class Manager>
    struct object final : interface {
        template <class Given>
        explicit object(Given&& given) : manager(std::forward<Given>(given)) {}
        task<T> enter() override { return manager.enter(); }
        task<bool> exit(std::exception_ptr failure) override {
            if constexpr (std::same_as<decltype(manager.exit(failure)), task<bool>>) {
                return manager.exit(std::move(failure));
            } else {
                return unhandled(manager, std::move(failure));
            }
        }
        static task<bool> unhandled(Manager& manager, std::exception_ptr failure) {
            co_await manager.exit(std::move(failure));
            co_return false;
        }
        Manager manager;
    };

    struct coroutine final : interface {
        explicit coroutine(std::coroutine_handle<promise_type> started) noexcept : frame(started) {}
        ~coroutine() override {
            if (frame.promise().continuation && !frame.done()) [[unlikely]]
                detail::dropped_running_task();
            frame.destroy();
        }
        coroutine(const coroutine&) = delete;
        coroutine& operator=(const coroutine&) = delete;

        task<T> enter() override { return run_to_yield(frame); }
        task<bool> exit(std::exception_ptr failure) override { return run_to_end(frame, std::move(failure)); }

        static task<T> run_to_yield(std::coroutine_handle<promise_type> frame);
        static task<bool> run_to_end(std::coroutine_handle<promise_type> frame, std::exception_ptr failure);

        std::coroutine_handle<promise_type> frame;
    };

    explicit context_manager(std::unique_ptr<interface> state) noexcept : state_(std::move(state)) {}

    std::unique_ptr<interface> state_;
};

/// What the compiler makes the coroutine with.
template <class T>
class context_manager<T>::promise_type : public detail::promise_base {
public:
    context_manager get_return_object() {
        return context_manager(std::make_unique<coroutine>(std::coroutine_handle<promise_type>::from_promise(*this)));
    }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { thrown = std::current_exception(); }

    /// Who drives it goes on, unless it still runs it.
    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<promise_type> stopped) const noexcept {
            if (const std::coroutine_handle<> waiting = std::exchange(stopped.promise().continuation, nullptr))
                detail::resume_nested(waiting);
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }

    /// What `co_yield` waits for: the end of the body.
    struct yield_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<promise_type> yielding) const { final_awaiter().await_suspend(yielding); }
        void await_resume() const {
            if (promise.failure_of_body) std::rethrow_exception(promise.failure_of_body);
        }
        promise_type& promise;
    };
    /// A second yield stops the coroutine for good; whoever drives it reports that. (Thrown into the coroutine, the error could
    /// be caught and answered with a third.)
    yield_awaiter yield_value(T value) {
        if (++yields == 1) yielded.emplace(std::move(value));
        return {*this};
    }

    /// Awaiter that drives the coroutine to its next stop: the yield or the end.
    struct drive {
        std::coroutine_handle<promise_type> frame;
        explicit drive(std::coroutine_handle<promise_type> driven) noexcept : frame(driven) {}
        void bind_context(const context& here) noexcept { frame.promise().here = &here; }
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting) {
            promise_type& promise = frame.promise();
            promise.continuation = nullptr;
            const unsigned char yields_before = promise.yields;
            frame.resume();
            if (frame.done() || promise.yields != yields_before) return false;
            promise.continuation = waiting;
            return true;
        }
        void await_resume() const noexcept {}
    };

    std::coroutine_handle<> continuation;  // who drives it and waits
    unsigned char yields = 0;  // at most 2: a second one never continues
    std::optional<T> yielded;
    std::exception_ptr failure_of_body;
    std::exception_ptr thrown;
};

template <class T>
task<T> context_manager<T>::coroutine::run_to_yield(std::coroutine_handle<promise_type> frame) {
    typename promise_type::drive to_yield(frame);
    co_await to_yield;
    promise_type& promise = frame.promise();
    if (promise.thrown) std::rethrow_exception(promise.thrown);
    if (promise.yields == 0) throw std::logic_error("async::context_manager: the coroutine ended without yielding a value");
    co_return std::move(*promise.yielded);
}

template <class T>
task<bool> context_manager<T>::coroutine::run_to_end(std::coroutine_handle<promise_type> frame, std::exception_ptr failure) {
    promise_type& promise = frame.promise();
    promise.failure_of_body = failure;
    typename promise_type::drive to_end(frame);
    co_await to_end;
    if (promise.yields > 1) throw std::logic_error("async::context_manager: the coroutine yielded twice");
    if (promise.thrown) {
        if (promise.thrown == failure) co_return false;
        std::rethrow_exception(promise.thrown);
    }
    co_return static_cast<bool>(failure);
}

/// Runs `body(value, arguments...)` between the manager's enter and exit.
///
/// `manager` is a context_manager or an object with enter and exit. `body` returns a task or a plain value; the result is
/// passed on. Exit runs on every way out: return, exception (it sees the exception) and cancellation (it sees the
/// cancellation). Cancel: exit's own awaits are cut neither by `caller_gone` nor by what ended the body; a later, greater
/// reason cuts them. Errors: an exception of enter leaves at once, without exit. An exception of the body leaves unless exit
/// dealt with it; a body with a result can't be dealt with (there is nothing to return), so then it always leaves. A
/// cancellation always leaves.
///
///     co_await async::with(std::move(manager), async::bind<&Updater::iterate>(this), update);
template <class T, class Body, class... Arguments>
auto with(context_manager<T> manager, Body&& body, Arguments&&... arguments)
    -> task<detail::result_of<std::decay_t<Body>&, T&, std::decay_t<Arguments>&...>>;

namespace detail {

template <class Manager>
using entered_value = typename yielded<decltype(std::declval<Manager&>().enter())>::type;

template <class T, class Body, class... Arguments>
task<result_of<Body&, T&, Arguments&...>> run_with(context_manager<T> manager, Body body, Arguments... arguments) {
    using result = result_of<Body&, T&, Arguments&...>;
    using returned = std::invoke_result_t<Body&, T&, Arguments&...>;
    task<T> entering = manager.enter();
    T value = co_await std::move(entering);
    std::exception_ptr failure;
    std::optional<ready_value<result>> produced;
    const context& outer = co_await this_context;
    if constexpr (is_task<std::remove_cvref_t<returned>>) {
        std::optional<returned> running;
        try {
            running.emplace(std::invoke(body, value, arguments...));
        } catch (...) {
            failure = std::current_exception();
        }
        if (running) {
            co_await room_on_stack();
            if (!driven_task<result>::start(*running, outer)) co_await driven_task<result>(*running);
            const auto keep = [&produced]<class Value>(Value&& given) { produced.emplace(std::move(given)); };
            failure = driven_task<result>::settle(*running, keep);
        }
    } else {
        try {
            if constexpr (std::is_void_v<result>) {
                std::invoke(body, value, arguments...);
            } else {
                produced.emplace(std::invoke(body, value, arguments...));
            }
        } catch (...) {
            failure = std::current_exception();
        }
    }
    const bool cancelled = failure && is_cancellation(failure);
    // The clean-up must be able to await, also that of a cancelled body: only a reason that is new cuts it.
    const child_context cleaning(outer, child_context::for_clean_up());
    task<bool> leaving = manager.exit(failure);
    const bool handled = co_await std::move(leaving).in(cleaning.here());
    if (failure && (!handled || cancelled || !std::is_void_v<result>)) co_await ends_with(failure);
    if constexpr (!std::is_void_v<result>) co_return std::move(*produced);
}

}  // namespace detail

template <class T, class Body, class... Arguments>
auto with(context_manager<T> manager, Body&& body, Arguments&&... arguments)
    -> task<detail::result_of<std::decay_t<Body>&, T&, std::decay_t<Arguments>&...>> {
    detail::require_safe_callable<Body>();
    return detail::run_with<T, std::decay_t<Body>, std::decay_t<Arguments>...>(std::move(manager), std::forward<Body>(body),
                                                                               std::forward<Arguments>(arguments)...);
}

/// The same for an object that is a manager by its class (`manages`).
template <class Manager, class Body, class... Arguments>
requires manages<std::remove_cvref_t<Manager>, detail::entered_value<std::remove_cvref_t<Manager>>>
auto with(Manager&& manager, Body&& body, Arguments&&... arguments) -> task<
    detail::result_of<std::decay_t<Body>&, detail::entered_value<std::remove_cvref_t<Manager>>&, std::decay_t<Arguments>&...>> {
    using value = detail::entered_value<std::remove_cvref_t<Manager>>;
    return with(context_manager<value>(std::forward<Manager>(manager)), std::forward<Body>(body),
                std::forward<Arguments>(arguments)...);
}

}  // namespace async
