#pragma once

#include <async/driven_task.h>
#include <async/hook_run.h>

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace async::detail {

/// How loudly a rule has this failure reported.
template <class Errors>
[[nodiscard]] error_level level_of(const std::exception_ptr& failure) {
    if constexpr (requires { Errors::level_of(failure); }) {
        return Errors::level_of(failure);
    } else {
        return Errors::level;
    }
}

/// What every walk through hooks shares, whatever becomes of their answers: the run, the hook that has suspended, the error
/// rule. `T` is what a hook's task yields.
template <class Errors, class T>
class hook_walk {
public:
    hook_walk(const context& outer, const dispatch_settings* settings, std::uint32_t sampled_every) noexcept
        : run_(outer, settings, sampled_every) {}

    /// What the hook that has suspended is awaited by; `settle` follows.
    [[nodiscard]] driven_task<T> rest() noexcept { return driven_task<T>(*suspended_); }

protected:
    /// The hook failed that was called with these. What counts as its answer then, as what was ruled; null: it has none.
    template <class... Arguments>
    [[gnu::cold]] std::shared_ptr<void> fail(std::exception_ptr failure, const Arguments&... arguments) {
        const error_level level = level_of<Errors>(failure);
        const std::array<typed_value, sizeof...(Arguments)> given{typed_value::of(arguments)...};
        hook_run::settled_failure settled = run_.fail(std::move(failure), {level, may_fail_the_call<Errors>, given});
        if (settled.failure) Errors::apply(std::move(settled.failure));
        return std::move(settled.answer);
    }
    /// The hook that had suspended is finished: `take(T&&)` gets what it yielded, unless that is nothing. Gives what it failed
    /// with, or `take`; null: nothing failed.
    template <class Take>
    [[nodiscard]] std::exception_ptr settle(Take&& take) noexcept {
        std::exception_ptr failure = driven_task<T>::settle(*suspended_, std::forward<Take>(take));
        suspended_.reset();
        return failure;
    }
    [[nodiscard]] std::exception_ptr settle() {
        static_assert(std::is_void_v<T>);
        return settle(nullptr);
    }

    hook_run run_;
    std::optional<task<T>> suspended_;
};

}  // namespace async::detail
