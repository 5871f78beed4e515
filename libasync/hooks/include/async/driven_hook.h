#pragma once

#include <async/driven_task.h>
#include <async/hook.h>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace async {

template <class Signature>
class driven_hook;

/// A hook that yields nothing, run by a dispatcher that doesn't await it: a call goes as far as the callable does without
/// suspending. Cost: as of `hook`, without a task for who ends at once.
template <class... Arguments>
class driven_hook<void(Arguments...)> {
public:
    /// Calls `target`, which outlives it.
    template <class Function>
    static driven_hook to(Function& target) noexcept {
        return driven_hook(std::addressof(target), &run<detail::callable_at_word<Function>>);
    }
    /// Keeps `target` itself, where it fits into a word.
    template <class Function>
    requires(detail::fits_into_a_word<Function, Arguments...>()) static driven_hook holding(Function target) noexcept {
        using in_word = detail::callable_in_word<Function>;
        return driven_hook(in_word::word_of(target), &run<in_word>);
    }

    /// True: it has ended. Else `rest` is what is left of it, to be awaited as a `driven_task`. Throws what the callable throws
    /// before it suspends. The arguments and `here` outlive the rest.
    [[nodiscard]] bool operator()(const context& here, std::optional<task<void>>& rest,
                                  detail::passed<Arguments>... arguments) const {
        return run_(object_, here, rest, arguments...);
    }

private:
    using run_function = bool (*)(void*, const context&, std::optional<task<void>>&, detail::passed<Arguments>...);

    driven_hook(void* object, run_function how) noexcept : object_(object), run_(how) {}

    template <class Word>
    static bool run(void* object, const context& here, std::optional<task<void>>& rest,
                    detail::passed<Arguments>... arguments) {
        Word word(object);
        auto& function = word.get();
        using Function = std::remove_reference_t<decltype(function)>;
        if constexpr (requires { function.run_driven(here, rest, arguments...); }) {
            return function.run_driven(here, rest, arguments...);
        } else if constexpr (detail::is_task<std::remove_cvref_t<std::invoke_result_t<Function&, decltype(arguments)...>>>) {
            task<void> started = std::invoke(function, arguments...);
            if (!detail::driven_task<void>::start(started, here)) [[unlikely]] {
                rest.emplace(std::move(started));
                return false;
            }
            detail::driven_task<void>::take(started);
            return true;
        } else {
            static_cast<void>(here);
            static_cast<void>(rest);
            std::invoke(function, arguments...);
            return true;
        }
    }

    void* object_;
    run_function run_;
};

}  // namespace async
