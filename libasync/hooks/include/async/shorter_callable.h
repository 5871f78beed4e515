#pragma once

#include <async/bind.h>
#include <async/callable.h>

#include <cstddef>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

/// Callables for an older declaration of a callback, which has fewer parameters than today's.
namespace async::detail {

template <class Function, class Positions, class... Arguments>
inline constexpr bool takes_at = false;
template <class Function, std::size_t... Position, class... Arguments>
inline constexpr bool takes_at<Function, std::index_sequence<Position...>, Arguments...> =
    std::is_invocable_v<Function&, std::tuple_element_t<Position, std::tuple<Arguments...>>...>;
/// Whether a callable takes the first `Taken` of these arguments, and no others.
template <class Function, std::size_t Taken, class... Arguments>
inline constexpr bool takes_first = takes_at<Function, std::make_index_sequence<Taken>, Arguments...>;

/// Calls a function with the first `Taken` arguments of its own call.
template <class Function, std::size_t Taken>
struct shorter_callable {
    Function function;

    template <class... Arguments>
    requires(takes_first<Function, Taken, Arguments&...>) decltype(auto) operator()(Arguments&... arguments) {
        return call(std::make_index_sequence<Taken>(), std::tie(arguments...));
    }

private:
    template <std::size_t... Position, class... Arguments>
    decltype(auto) call(std::index_sequence<Position...>, std::tuple<Arguments...> arguments) {
        return std::invoke(function, std::get<Position>(arguments)...);
    }
};

/// `Function`, or the shorter callable around it for the most arguments that it takes, at least `Least` of them.
template <class Function, std::size_t Taken, std::size_t Least, class... Arguments>
constexpr auto accepted_from() noexcept {
    if constexpr (Taken == sizeof...(Arguments) && takes_first<Function, Taken, Arguments...>) {
        return std::type_identity<Function>();
    } else if constexpr (takes_first<Function, Taken, Arguments...>) {
        return std::type_identity<shorter_callable<Function, Taken>>();
    } else if constexpr (Taken > Least) {
        return accepted_from<Function, Taken - 1, Least, Arguments...>();
    } else {
        return std::type_identity<Function>();  // which is none for this declaration
    }
}

/// What a slot keeps of a callable that it was given. `Rule::least_arguments`, where it is, says how many parameters the
/// callable has at least; without it has all.
template <class Signature, class Rule, class Function>
struct accepted_callable {
    using type = Function;
};
template <class R, class... Arguments, class Rule, class Function>
requires requires { Rule::least_arguments; }
struct accepted_callable<R(Arguments...), Rule, Function> {
    using type =
        typename decltype(accepted_from<Function, sizeof...(Arguments), Rule::least_arguments, passed<Arguments>...>())::type;
};

}  // namespace async::detail
