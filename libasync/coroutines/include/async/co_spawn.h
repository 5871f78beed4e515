#pragma once

#include <async/task.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>

namespace async {

namespace detail {

/// The root of a task started from Asio: owns the context of the chain.
template <class T, class Handler>
struct spawned {
    environment surroundings;
    cancellation_source cancellation;
    context root;
    task<T> body;
    Handler handler;
    // Neither the task's executor nor the handler's may run out of work before the end.
    boost::asio::executor_work_guard<boost::asio::any_io_executor> keeps_running;
    boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>>
        keeps_handler_running;

    spawned(const environment& where, task<T> started, Handler completion)
        : surroundings(where),
          root(surroundings, &cancellation),
          body(std::move(started)),
          handler(std::move(completion)),
          keeps_running(surroundings.executor),
          keeps_handler_running(boost::asio::get_associated_executor(handler, surroundings.executor)) {}
};

template <class T, class Handler>
root_coroutine run_spawned(const context&, std::unique_ptr<spawned<T, Handler>> state) {
    std::exception_ptr failure;
    std::optional<ready_value<T>> value;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(state->body);
            value.emplace();
        } else {
            value.emplace(co_await std::move(state->body));
        }
    } catch (...) {
        failure = std::current_exception();
    }
    auto slot = boost::asio::get_associated_cancellation_slot(state->handler);
    if (slot.is_connected()) slot.clear();  // the source ends here; the signal may live on
    auto executor = boost::asio::get_associated_executor(state->handler, state->surroundings.executor);
    Handler handler = std::move(state->handler);
    const auto keeps_handler_running = std::move(state->keeps_handler_running);
    state.reset();
    boost::asio::dispatch(executor,
                          [handler = std::move(handler), failure = std::move(failure), value = std::move(value)]() mutable {
                              if constexpr (std::is_void_v<T>) {
                                  static_cast<void>(value);
                                  std::move(handler)(failure);
                              } else {
                                  std::move(handler)(failure, value ? std::move(*value) : T());
                              }
                          });
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
        [](auto handler, environment surroundings, task<T> started) {
            using handler_type = decltype(handler);
            auto state =
                std::make_unique<detail::spawned<T, handler_type>>(surroundings, std::move(started), std::move(handler));
            auto slot = boost::asio::get_associated_cancellation_slot(state->handler);
            if (slot.is_connected()) {
                slot.assign([source = &state->cancellation](boost::asio::cancellation_type) {
                    source->request(cancel_reason::stopping);
                });
            }
            const boost::asio::any_io_executor executor = state->surroundings.executor;
            boost::asio::post(executor, [state = std::move(state)]() mutable {
                const context& root = state->root;
                detail::start_observed(root, [&] { detail::run_spawned<T, handler_type>(root, std::move(state)); });
            });
        },
        token, where, std::move(body));
}

}  // namespace async
