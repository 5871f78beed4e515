#pragma once

#include <modapi/background_call.h>

#include <async/callable.h>
#include <async/notification.h>
#include <async/task.h>

#include <coroutine>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace modapi {

namespace detail {

/// What a background process and whoever waits for it share. Thread: the worker's.
class ProcessState {
public:
    virtual ~ProcessState() = default;
    void begin() noexcept { has_begun_ = true; }
    void end() noexcept;
    /// Errors: std::logic_error for a process that begins when its module has started, which would wait for itself.
    [[nodiscard]] static async::task<void> ended(std::shared_ptr<ProcessState> state);

private:
    bool has_begun_ = false;
    bool has_ended_ = false;
    async::notification end_;
};

/// Says that a process has ended, however it does, also where it is never begun.
class ProcessEnd {
public:
    explicit ProcessEnd(std::shared_ptr<ProcessState> state) noexcept : state_(std::move(state)) {}
    ~ProcessEnd() { state_->end(); }
    ProcessEnd(const ProcessEnd&) = delete;
    ProcessEnd& operator=(const ProcessEnd&) = delete;

    void begin() noexcept { state_->begin(); }

private:
    std::shared_ptr<ProcessState> state_;
};

/// What a process left behind; T is `bool` for one that has no result: whether it came to its end.
template <class T>
struct ProcessResult final : ProcessState {
    std::optional<T> value;
};

template <class Result, class Function, class... Arguments>
class ProcessCall final : public BackgroundCall {
public:
    template <class F, class... A>
    explicit ProcessCall(std::shared_ptr<ProcessResult<Result>> into, F&& function, A&&... arguments)
        : into_(std::move(into)), function_(std::forward<F>(function)), arguments_(std::forward<A>(arguments)...) {}
    async::task<void> operator()() override {
        using returned = std::remove_cvref_t<std::invoke_result_t<Function&, Arguments&...>>;
        if constexpr (!async::detail::is_task<returned>) {
            if constexpr (std::is_void_v<returned>) {
                std::apply(function_, arguments_);
                into_->value = true;
            } else {
                into_->value.emplace(std::apply(function_, arguments_));
            }
            co_return;
        } else if constexpr (std::is_void_v<typename returned::value_type>) {
            returned running = std::apply(function_, arguments_);
            co_await std::move(running);
            into_->value = true;
        } else {
            returned running = std::apply(function_, arguments_);
            Result result = co_await std::move(running);
            into_->value.emplace(std::move(result));
        }
    }

private:
    std::shared_ptr<ProcessResult<Result>> into_;
    Function function_;
    std::tuple<Arguments...> arguments_;
};

template <class T>
async::task<std::optional<T>> result_of_process(std::shared_ptr<ProcessResult<T>> process) {
    async::task<void> ending = ProcessState::ended(process);
    co_await std::move(ending);
    co_return std::move(process->value);
}

}  // namespace detail

/// A background process that was started (ModuleApi::run_as_background_process). May be dropped: the process goes on. Or it is
/// awaited, once:
///
///     const std::optional<int> sent = co_await api_.run_as_background_process("send reminders",
///     async::bind<&Reminders::send>(this));
///
/// which gives what it returned; none if it threw, or was cut by a stop. T is `bool` for a process that returns nothing, and it
/// is true then. Cancel: who waits goes on, and the process does too. Thread: the worker's.
template <class T>
class BackgroundProcess {
public:
    explicit BackgroundProcess(std::shared_ptr<detail::ProcessResult<T>> process)
        : waiting_(detail::result_of_process(std::move(process))) {}

    void bind_context(const async::context& here) noexcept { awaiter_.emplace(waiting_, &here); }
    [[nodiscard]] bool await_ready() { return awaiter_->await_ready(); }
    void await_suspend(std::coroutine_handle<> awaiting) { awaiter_->await_suspend(awaiting); }
    std::optional<T> await_resume() { return awaiter_->await_resume(); }

private:
    async::task<std::optional<T>> waiting_;
    std::optional<async::detail::task_awaiter<std::optional<T>>> awaiter_;  // once it is awaited
};

}  // namespace modapi
