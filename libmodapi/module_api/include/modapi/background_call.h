#pragma once

#include <async/callable.h>
#include <async/task.h>

#include <chrono>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace modapi {

namespace detail {

/// A call with its arguments, to be made any number of times.
class BackgroundCall {
public:
    virtual ~BackgroundCall() = default;
    virtual async::task<void> operator()() = 0;
};
template <class Function, class... Arguments>
class BoundCall final : public BackgroundCall {
public:
    template <class F, class... A>
    explicit BoundCall(F&& function, A&&... arguments)
        : function_(std::forward<F>(function)), arguments_(std::forward<A>(arguments)...) {}
    async::task<void> operator()() override {
        using returned = std::invoke_result_t<Function&, Arguments&...>;
        if constexpr (async::detail::is_task<std::remove_cvref_t<returned>>) {
            auto running = std::apply(function_, arguments_);
            static_cast<void>(co_await std::move(running));
        } else {
            std::apply(function_, arguments_);
            co_return;
        }
    }

private:
    Function function_;
    std::tuple<Arguments...> arguments_;
};
template <class Function, class... Arguments>
[[nodiscard]] std::shared_ptr<BackgroundCall> erased_call(Function&& f, Arguments&&... args) {
    constexpr bool fits = std::is_invocable_v<std::decay_t<Function>&, std::decay_t<Arguments>&...>;
    static_assert(fits,
                  "a background call is f(args...) with the arguments that stand after the time: they are others, or more or "
                  "fewer, than its parameters");
    if constexpr (fits) {
        return std::make_shared<BoundCall<std::decay_t<Function>, std::decay_t<Arguments>...>>(
            std::forward<Function>(f), std::forward<Arguments>(args)...);
    } else {
        return nullptr;
    }
}

/// ModuleApi counts in the contract's milliseconds, which have fractions.
template <class Number, class Period>
[[nodiscard]] constexpr double milliseconds(std::chrono::duration<Number, Period> time) noexcept {
    return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace detail

/// When a looping background call runs: `Every(10min)`, `Every(1h).first_after(5s)`; any duration of <chrono> is one.
class Every {
public:
    template <class Number, class Period>
    Every(std::chrono::duration<Number, Period> period) noexcept  // NOLINT: a duration is one
        : Every(detail::milliseconds(period), detail::milliseconds(period)) {}

    /// The first run isn't a period away but this long; nothing and less: it is due at once.
    template <class Number, class Period>
    [[nodiscard]] Every first_after(std::chrono::duration<Number, Period> delay) const noexcept {
        return Every(period_ms_, detail::milliseconds(delay));
    }

private:
    friend class ModuleApi;
    Every(double period_ms, double first_ms) noexcept : period_ms_(period_ms), first_ms_(first_ms) {}

    double period_ms_;
    double first_ms_;
};

/// When and where a delayed background call runs: `After(10s)`, `After(10s).on_one_worker()`; any duration of <chrono> is one.
class After {
public:
    template <class Number, class Period>
    After(std::chrono::duration<Number, Period> delay) noexcept  // NOLINT: a duration is one
        : delay_ms_(detail::milliseconds(delay)) {}

    /// For calls that all workers ask for, in their modules' constructors for example: only on the one that runs background
    /// tasks it happens. Without it a call runs on the worker that asked.
    [[nodiscard]] After on_one_worker() const noexcept {
        After one = *this;
        one.is_on_one_worker_ = true;
        return one;
    }

private:
    friend class ModuleApi;
    explicit After(double delay_ms) noexcept : delay_ms_(delay_ms) {}

    double delay_ms_;
    bool is_on_one_worker_ = false;
};

/// A background call that was asked for; may be dropped. `cancel` keeps it from starting, and cuts it if it runs.
class DelayedCall {
public:
    struct State;
    explicit DelayedCall(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
    void cancel();

private:
    std::shared_ptr<State> state_;
};

}  // namespace modapi
