#pragma once

#include <async/bind.h>
#include <async/task.h>

#include <functional>
#include <type_traits>
#include <utility>

/// What is done with a function that somebody else wrote: it may be a coroutine or not.
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

/// How a signature's argument travels to the callable: always as a reference to what the caller holds, since a coroutine that
/// takes its parameter by reference must find it after the call itself has returned.
template <class Argument>
using passed = std::conditional_t<std::is_reference_v<Argument>, Argument, const Argument&>;

template <class To, class Via, class From>
task<To> convert(task<From> answer) {
    Via converted = co_await std::move(answer);
    co_return To(std::move(converted));
}

/// Calls a function or a coroutine; its answer as a task<To>, ready if there is nothing to wait for. An answer of another type
/// becomes a Via first, the answer type that was declared.
/// Cost: nothing beside the call for a plain function or a coroutine that returns task<To>; a frame for another coroutine.
template <class To, class Via = To, class Function, class... Arguments>
task<To> call_as_task(Function& function, Arguments&... arguments) {
    using returns = std::remove_cvref_t<std::invoke_result_t<Function&, Arguments&...>>;
    if constexpr (std::is_same_v<returns, task<To>>) {
        return std::invoke(function, arguments...);
    } else if constexpr (is_task<returns>) {
        return convert<To, Via>(std::invoke(function, arguments...));
    } else if constexpr (std::is_void_v<Via>) {
        std::invoke(function, arguments...);
        return make_ready_task();
    } else {
        Via converted = std::invoke(function, arguments...);
        return task<To>(std::in_place, std::move(converted));
    }
}

/// Whether a callable for a signature that yields R yields what it may; the messages are for whoever wrote it.
template <class R, class Function, class... Arguments>
constexpr bool check_answer() {
    using yields = result_of<Function&, passed<Arguments>...>;
    if constexpr (std::is_void_v<R>) {
        static_assert(std::is_void_v<yields>, "this callback returns nothing: return void or async::task<void>");
        return std::is_void_v<yields>;
    } else {
        static_assert(std::is_convertible_v<yields, R>,
                      "this callback's answer has another type: see the callback's declaration for what it may return");
        return std::is_convertible_v<yields, R>;
    }
}

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
                  "after it, f, args...; or name the closure first and pass the name, which is copied");
}

}  // namespace async::detail
