#pragma once

#include <modapi/database.h>
#include <modapi/thread_pool.h>

#include <async/cancellation.h>
#include <async/clock.h>
#include <async/context.h>
#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace modapi {

class DeferredCalls;
class RequestTrace;

/// A call of ModuleApi::defer_to_thread or defer_to_threadpool took longer than its time limit, or found no thread free for as
/// long. Its caller goes on; a call that has begun does too.
class DeferredCallTimeout : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {

class DeferredCallWait;

/// A blocking call with its function, arguments and result. Whoever awaits it and the thread that makes it share it, so that
/// each may be the first to let go. It ends on its caller's executor.
class DeferredCall {
public:
    virtual ~DeferredCall() = default;
    DeferredCall(const DeferredCall&) = delete;
    DeferredCall& operator=(const DeferredCall&) = delete;

    /// Makes the call on the calling thread and hands it back to its caller's executor, even if nobody waits there any more.
    static void make(std::shared_ptr<DeferredCall> call) noexcept;
    /// What its caller works for; null: nothing is known of a request.
    [[nodiscard]] const std::shared_ptr<const RequestTrace>& request() const noexcept { return request_; }

protected:
    DeferredCall() = default;
    virtual void invoke() = 0;
    void rethrow_failure() const {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    friend class DeferredCallWait;
    using Home = boost::asio::executor_work_guard<boost::asio::any_io_executor>;

    std::exception_ptr failure_;
    std::shared_ptr<const RequestTrace> request_;
    std::optional<Home> home_;             // the caller's executor, which runs until the call is back
    DeferredCallWait* waiting_ = nullptr;  // null: nobody any more
    // Of who made it, to be there when it is back.
    DeferredCalls* calls_ = nullptr;
    const std::string* module_ = nullptr;
    const char* member_ = nullptr;
    async::clock* clock_ = nullptr;
    async::clock::time_point since_{};
};

template <class Function, class... Arguments>
class DeferredCallOf final : public DeferredCall {
public:
    using Result = std::remove_cvref_t<std::invoke_result_t<Function&, Arguments&...>>;

    template <class F, class... A>
    explicit DeferredCallOf(F&& function, A&&... arguments)
        : function_(std::forward<F>(function)), arguments_(std::forward<A>(arguments)...) {}

    /// Once, when it is back. Errors: what the function threw.
    [[nodiscard]] Result result() {
        rethrow_failure();
        if constexpr (!std::is_void_v<Result>) return std::move(*value_);
    }

private:
    void invoke() override {
        if constexpr (std::is_void_v<Result>) {
            std::apply(function_, arguments_);
        } else {
            value_.emplace(std::apply(function_, arguments_));
        }
    }

    Function function_;
    std::tuple<Arguments...> arguments_;
    std::optional<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> value_;
};

/// In whose name a call is made, and for how long it is waited for.
struct Deferral {
    DeferredCalls& calls;
    const std::string& module;
    InteractionLimit limit;
    std::optional<ThreadPool> pool{};  ///< none: on the threads that every module has

    [[nodiscard]] const ThreadPool* pool_or_null() const noexcept { return pool ? &*pool : nullptr; }
    /// The member of ModuleApi that it is made by.
    [[nodiscard]] const char* member() const noexcept { return pool ? "defer_to_threadpool" : "defer_to_thread"; }
};

/// Awaitable: has a call made on a thread of its module's and resumes on the task's own executor when it is back or given up.
class DeferredCallWait {
public:
    DeferredCallWait(std::shared_ptr<DeferredCall> call, const Deferral& how) noexcept
        : call_(std::move(call)), how_(how), registration_(*this) {}
    ~DeferredCallWait();
    DeferredCallWait(const DeferredCallWait&) = delete;
    DeferredCallWait& operator=(const DeferredCallWait&) = delete;

    void bind_context(const async::context& here) noexcept { here_ = &here; }
    [[nodiscard]] bool await_ready() const noexcept { return here_->cancel_requested() != async::cancel_reason::none; }
    void await_suspend(std::coroutine_handle<> waiting);
    /// Errors: DeferredCallTimeout; that of a chain that was cancelled before a thread began the call.
    void await_resume();

private:
    friend class DeferredCall;
    enum class Outcome : unsigned char { not_begun, away, back, cancelled, not_in_time, no_thread_in_time };

    void cancel(async::cancel_reason reason);
    void expire();
    /// Takes the call back before a thread begins it. False: one has, and the call will be back.
    bool take_back() noexcept;
    /// What the caller was suspended for is over.
    void end(Outcome outcome) noexcept;

    std::shared_ptr<DeferredCall> call_;
    Deferral how_;
    const async::context* here_ = nullptr;
    std::coroutine_handle<> waiting_;
    std::unique_ptr<async::timer> timer_;
    Outcome outcome_ = Outcome::not_begun;
    async::cancel_reason cancelled_for_ = async::cancel_reason::none;
    async::cancellation_callback<DeferredCallWait, &DeferredCallWait::cancel> registration_;
};

template <class Call>
async::task<typename Call::Result> result_of_deferred(std::shared_ptr<Call> call, Deferral how) {
    DeferredCallWait wait(call, how);
    co_await wait;
    if constexpr (std::is_void_v<typename Call::Result>) {
        call->result();
    } else {
        co_return call->result();
    }
}

}  // namespace detail
}  // namespace modapi
