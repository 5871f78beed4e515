#pragma once

#include <async/task.h>

#include <functional>
#include <type_traits>

namespace async::detail {

/// What a callable yields once it ran: its T, whether it returns T or task<T>.
template <class Result>
struct yielded {
    using type = Result;
};
template <class T>
struct yielded<task<T>> {
    using type = T;
};
template <class Function, class... Arguments>
using result_of = typename yielded<std::remove_cvref_t<std::invoke_result_t<Function, Arguments...>>>::type;

/// `Function` is what a forwarding reference deduced: no reference means the caller passed an rvalue. A closure with a
/// non-trivial capture, made inside a co_await expression, is destroyed too early or twice by GCC 12.2.
template <class Function>
inline constexpr bool is_safe_callable =
    std::is_lvalue_reference_v<Function> || !std::is_class_v<std::remove_cvref_t<Function>> ||
    std::is_trivially_copyable_v<std::remove_cvref_t<Function>>;

template <class Function>
constexpr void require_safe_callable() {
    static_assert(is_safe_callable<Function>,
                  "this callable owns what it captured and is passed as a temporary: inside a co_await it would be used after "
                  "its end on GCC 12.2. Safe forms: pass a function (or async::bind<&Class::member>(this)) with its arguments "
                  "behind it, f, args...; or name the closure first and pass the name, which is copied");
}

}  // namespace async::detail
