#pragma once

#include <async/context.h>
#include <async/frame_allocator.h>
#include <async/suspension.h>
#include <async/task.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <coroutine>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace async {

/// Completion token: makes any Asio asynchronous operation awaitable in a task.
///
///     const std::size_t size = co_await socket.async_read_some(buffer, async::use_task);
///
/// Result:    what the operation yields after its error_code or exception_ptr; several values as a tuple.
/// Errors:    boost::system::system_error. With asio::as_tuple(async::use_task) the error_code is a value instead.
/// Resume:    on the task's own executor, whatever the operation's.
/// Cancel:    the operation is cancelled through its cancellation slot; the await then throws operation_cancelled or
///            deadline_exceeded. An operation that finished all the same keeps its result.
/// Cost:      the operation's own; the handler's memory comes from the frame pool.
struct use_task_t {};
/// The completion token.
inline constexpr use_task_t use_task{};

namespace detail {

/// How the values of a completion become the value of an await.
template <class... Values>
struct completion {
    using stored = std::tuple<Values...>;

    static auto unpack(stored& values) { return unpack_from<0>(values); }

private:
    template <std::size_t First>
    static auto unpack_from(stored& values) {
        if constexpr (sizeof...(Values) == First) {
            return;
        } else if constexpr (sizeof...(Values) == First + 1) {
            return std::move(std::get<First>(values));
        } else {
            return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
                return std::tuple<std::tuple_element_t<First + Index, stored>...>(
                    std::move(std::get<First + Index>(values))...);
            }
            (std::make_index_sequence<sizeof...(Values) - First>());
        }
    }
    template <class...>
    friend struct completion;

public:
    static auto result(stored& values, [[maybe_unused]] const context& here) {
        if constexpr (sizeof...(Values) > 0) {
            using first = std::tuple_element_t<0, stored>;
            if constexpr (std::is_same_v<first, boost::system::error_code>) {
                if (const boost::system::error_code error = std::get<0>(values)) {
                    if (error == boost::asio::error::operation_aborted) here.throw_if_cancelled();
                    throw boost::system::system_error(error);
                }
                return unpack_from<1>(values);
            } else if constexpr (std::is_same_v<first, std::exception_ptr>) {
                if (std::get<0>(values)) std::rethrow_exception(std::get<0>(values));
                return unpack_from<1>(values);
            } else {
                return unpack_from<0>(values);
            }
        }
    }
};

template <class... Values>
class asio_operation_state {
public:
    asio_operation_state() noexcept : registration_(*this) {}
    asio_operation_state(const asio_operation_state&) = delete;
    asio_operation_state& operator=(const asio_operation_state&) = delete;

    void bind_context(const context& here) noexcept { here_ = &here; }
    [[nodiscard]] bool await_ready() noexcept {
        cancelled_before_ = here_->cancel_requested();
        return cancelled_before_ != cancel_reason::none;
    }
    auto await_resume() {
        if (cancelled_before_ != cancel_reason::none) throw_cancelled(cancelled_before_);
        return completion<Values...>::result(*values_, *here_);
    }

protected:
    class handler {
    public:
        using executor_type = boost::asio::any_io_executor;
        using allocator_type = recycling_allocator<void>;
        using cancellation_slot_type = boost::asio::cancellation_slot;

        explicit handler(asio_operation_state& state) noexcept : state_(&state) {}

        [[nodiscard]] executor_type get_executor() const noexcept { return state_->here_->executor(); }
        [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }
        [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return state_->signal_.slot(); }

        template <class... Results>
        void operator()(Results&&... results) const {
            state_->complete(std::forward<Results>(results)...);
        }

    private:
        asio_operation_state* state_;
    };

    /// Runs `initiate` with a handler; false when the operation finished inside of it.
    template <class Initiate>
    bool launch(std::coroutine_handle<> waiting, Initiate&& initiate) {
        initiate(handler(*this));
        if (values_) return false;
        waiting_ = waiting;
        here_->add(registration_);
        // It may have been requested while the operation was initiated.
        if (const cancel_reason reason = here_->cancel_requested(); reason != cancel_reason::none) cancel(reason);
        return true;
    }

private:
    void cancel(cancel_reason) {
        is_cancelling_ = true;
        signal_.emit(boost::asio::cancellation_type::all);
        is_cancelling_ = false;
    }
    template <class... Results>
    void complete(Results&&... results) {
        values_.emplace(std::forward<Results>(results)...);
        registration_.unregister();
        const std::coroutine_handle<> waiting = std::exchange(waiting_, nullptr);
        if (!waiting) return;  // still being initiated: `launch` sees the values
        if (is_cancelling_) {
            // The operation ended inside its cancellation: whoever cancels isn't done with telling the others.
            post_resume(*here_, waiting);
        } else {
            resume_observed(waiting, *here_);
        }
    }

    const context* here_ = nullptr;
    std::coroutine_handle<> waiting_;
    cancel_reason cancelled_before_ = cancel_reason::none;
    boost::asio::cancellation_signal signal_;
    cancellation_callback<asio_operation_state, &asio_operation_state::cancel> registration_;
    bool is_cancelling_ = false;
    std::optional<std::tuple<Values...>> values_;
};

/// One Asio operation that waits to be awaited. Lazy: initiated by the await.
template <class Initiation, class Arguments, class... Values>
class [[nodiscard]] asio_operation : public asio_operation_state<Values...> {
public:
    template <class... Given>
    explicit asio_operation(Initiation initiation, Given&&... arguments)
        : initiation_(std::move(initiation)), arguments_(std::forward<Given>(arguments)...) {}

    bool await_suspend(std::coroutine_handle<> waiting) {
        return this->launch(waiting, [this](auto&& completion_handler) {
            std::apply(
                [&](auto&... arguments) {
                    std::move(initiation_)(std::forward<decltype(completion_handler)>(completion_handler),
                                           std::move(arguments)...);
                },
                arguments_);
        });
    }

private:
    Initiation initiation_;
    Arguments arguments_;
};

}  // namespace detail
}  // namespace async

namespace boost::asio {

/// How Asio begins an operation for use_task.
template <class Result, class... Values>
class async_result<async::use_task_t, Result(Values...)> {
public:
    /// The task that begins it when it is awaited.
    template <class Initiation, class... Arguments>
    static auto initiate(Initiation&& initiation, async::use_task_t, Arguments&&... arguments) {
        return async::detail::asio_operation<std::decay_t<Initiation>, std::tuple<std::decay_t<Arguments>...>,
                                             std::decay_t<Values>...>(std::forward<Initiation>(initiation),
                                                                      std::forward<Arguments>(arguments)...);
    }
};

}  // namespace boost::asio
