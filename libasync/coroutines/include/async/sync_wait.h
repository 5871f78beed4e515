#pragma once

#include <async/co_spawn.h>

#include <boost/asio/io_context.hpp>

namespace async {

namespace detail {

/// Runs `io` until `finished`, even if somebody stops it. An exception that foreign code lets out of a handler is kept until
/// then: the task refers to this stack.
inline void run_until(boost::asio::io_context& io, const bool& finished) {
    std::exception_ptr foreign;
    io.restart();
    while (!finished) {
        try {
            if (io.run_one() == 0) io.restart();
        } catch (...) {
            if (!foreign) foreign = std::current_exception();
        }
    }
    if (foreign) std::rethrow_exception(foreign);
}

}  // namespace detail

/// Runs `body` on `io` in this thread until it is finished, and returns its result or throws its exception.
///
/// For `main`, tests and benchmarks; never from inside a task (it blocks the thread). Other work queued on `io` runs too.
/// `where` has `io`'s executor.
template <class T>
T sync_wait(boost::asio::io_context& io, const environment& where, task<T> body) {
    bool finished = false;
    std::exception_ptr failure;
    if constexpr (std::is_void_v<T>) {
        co_spawn(where, std::move(body), [&](std::exception_ptr error) {
            failure = std::move(error);
            finished = true;
        });
        detail::run_until(io, finished);
        if (failure) std::rethrow_exception(failure);
    } else {
        std::optional<T> value;
        const auto keep = [](std::optional<T>& kept, task<T> produced) -> task<void> {
            kept.emplace(co_await std::move(produced));
        };
        co_spawn(where, keep(value, std::move(body)), [&](std::exception_ptr error) {
            failure = std::move(error);
            finished = true;
        });
        detail::run_until(io, finished);
        if (failure) std::rethrow_exception(failure);
        return std::move(*value);
    }
}

/// Runs `body` on `io`, with this clock, until it is finished.
template <class T>
T sync_wait(boost::asio::io_context& io, task<T> body, clock& time = real_clock()) {
    return sync_wait(io, environment(io.get_executor(), time), std::move(body));
}

/// Runs `body` on an executor of its own in this thread until it is finished.
template <class T>
T sync_wait(task<T> body) {
    boost::asio::io_context io(1);
    return sync_wait(io, std::move(body));
}

}  // namespace async
