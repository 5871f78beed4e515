#pragma once

#include <async/driven_task.h>
#include <async/post.h>
#include <async/task.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <memory>
#include <optional>

namespace async {

namespace detail {

/// A handler that completes on the task's own executor.
template <class Handler>
concept completes_at_home = requires {
    typename boost::asio::associated_executor<Handler, boost::asio::any_io_executor>::asio_associated_executor_is_unspecialised;
};

/// Keeps the executor of a handler running that has one of its own.
template <class Handler>
struct handler_work {
    boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>> keeps_running;

    handler_work(const Handler& handler, const environment& home)
        : keeps_running(boost::asio::get_associated_executor(handler, home.executor)) {}
};
template <completes_at_home Handler>
struct handler_work<Handler> {
    handler_work(const Handler&, const environment&) noexcept {}
};

/// The root of a task started from Asio: owns the context of the chain.
template <class T, class Handler>
struct spawned {
    environment surroundings;
    cancellation_source cancellation;
    context root;
    task<T> body;
    Handler handler;
    // Neither the task's executor nor the handler's may run out of work before the end.
    pending_work keeps_running;
    handler_work<Handler> keeps_handler_running;

    spawned(const environment& where, task<T> started, Handler completion)
        : surroundings(where),
          root(surroundings, &cancellation),
          body(std::move(started)),
          handler(std::move(completion)),
          keeps_running(surroundings),
          keeps_handler_running(handler, surroundings) {}

    static void* operator new(std::size_t size) {
        static_assert(alignof(spawned) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                      "the handler and the result of a spawned task need no more alignment than new gives");
        return allocate_frame(size);
    }
    static void operator delete(void* memory, std::size_t size) noexcept { free_frame(memory, size); }
};

template <class T, class Handler>
root_coroutine run_spawned(const context& root, std::unique_ptr<spawned<T, Handler>> state) {
    if (!driven_task<T>::start(state->body, root)) co_await driven_task<T>(state->body);
    std::optional<ready_value<T>> value;
    std::exception_ptr failure =
        driven_task<T>::settle(state->body, [&value]<class Value>(Value&& produced) { value.emplace(std::move(produced)); });
    auto slot = boost::asio::get_associated_cancellation_slot(state->handler);
    if (slot.is_connected()) slot.clear();  // the source ends here; the signal may live on
    const auto complete = [](Handler completed, std::exception_ptr with, std::optional<ready_value<T>> produced) {
        if constexpr (std::is_void_v<T>) {
            static_cast<void>(produced);
            std::move(completed)(std::move(with));
        } else {
            std::move(completed)(std::move(with), produced ? std::move(*produced) : T());
        }
    };
    Handler handler = std::move(state->handler);
    if constexpr (completes_at_home<Handler>) {
        state.reset();
        complete(std::move(handler), std::move(failure), std::move(value));
    } else {
        auto executor = boost::asio::get_associated_executor(handler, state->surroundings.executor);
        const auto keeps_handler_running = std::move(state->keeps_handler_running);
        state.reset();
        boost::asio::dispatch(executor, [complete, handler = std::move(handler), failure = std::move(failure),
                                         value = std::move(value)]() mutable {
            complete(std::move(handler), std::move(failure), std::move(value));
        });
    }
}

template <class T>
struct spawn_signature {
    using type = void(std::exception_ptr, T);
};
template <>
struct spawn_signature<void> {
    using type = void(std::exception_ptr);
};

}  // namespace detail

/// Starts a task from Asio code. Completes with `void(std::exception_ptr)` or `void(std::exception_ptr, T)`.
///
/// Thread:  starts and completes through the environment's executor (the handler's own, if it has one).
/// Cancel:  the token's cancellation slot cancels the chain with `stopping`. A cancelled chain completes with the exception.
/// Errors:  the handler must not throw (the program ends).
/// T must be default constructible, for the case of an exception.
template <class T, class Token>
auto co_spawn(const environment& where, task<T> body, Token&& token) {
    return boost::asio::async_initiate<Token, typename detail::spawn_signature<T>::type>(
        [](auto handler, const environment& surroundings, task<T> started) {
            using handler_type = decltype(handler);
            auto state =
                std::make_unique<detail::spawned<T, handler_type>>(surroundings, std::move(started), std::move(handler));
            auto slot = boost::asio::get_associated_cancellation_slot(state->handler);
            if (slot.is_connected()) {
                slot.assign([source = &state->cancellation](boost::asio::cancellation_type) {
                    source->request(cancel_reason::stopping);
                });
            }
            const environment& home = state->surroundings;
            detail::post(home, [state = std::move(state)]() mutable {
                const context& root = state->root;
                detail::start_observed(root, [&] { detail::run_spawned<T, handler_type>(root, std::move(state)); });
            });
        },
        token, where, std::move(body));
}

}  // namespace async
