#pragma once

#include <async/driven_task.h>
#include <async/hook_run.h>

#include <cstdint>
#include <exception>
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
    [[gnu::cold]] void fail(std::exception_ptr failure) {
        const error_level level = level_of<Errors>(failure);
        failure = run_.fail(std::move(failure), level);
        if (failure) Errors::apply(std::move(failure));
    }
    /// The hook that had suspended is finished: `take(task)` takes what it yielded. False: it failed, and the walk goes on.
    template <class Take>
    bool settle(Take&& take) {
        try {
            take(*suspended_);
        } catch (...) {
            suspended_.reset();
            fail(std::current_exception());
            return false;
        }
        suspended_.reset();
        return true;
    }

    hook_run run_;
    std::optional<task<T>> suspended_;
};

}  // namespace async::detail
