#pragma once

#include <async/combine.h>
#include <async/context_manager.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/name.h>
#include <async/slot.h>

#include <cstddef>
#include <string_view>

/// How a callback is declared, once:
///
///     Callback<"name", Answer(arguments), how answers combine, what an exception does> name{};
///
/// Around how answers combine stands what else there is to say: `routine<...>`, its decisions are the normal case, which a log
/// needn't tell; `unseen<...>`, no client is to know of them; `told_everywhere<...>`, it is called on every worker; `in_room<POSITION, ...>`, which parameter is a room; `afterwards<...>`, `denied_by<...>` and `about_an_address<...>`, where callbacks/ruling.h, which says what may be
/// ruled for a callback, can't see it from the declaration. A last argument makes it one that is registered per key.
///
/// A category is a table of such lines. A module sees it with slots to put callables in, a host with dispatchers to call;
/// registration, the inspector and the conformance tests walk the same lines (Boost.PFR).
namespace callbacks {

using async::first_value;
using async::last_wins_per_key;
using async::log_and_go_on;
using async::only_first;
using async::propagate;
using async::run_all;
using async::skip;
using async::union_or_everyone;
using async::union_per_key;

/// A combine rule of a callback that is asked so often, or that decides so regularly, that its decisions are no news: on every
/// request, on every step of an update. They combine by `Combine`.
template <class Combine>
struct routine : Combine {};

template <class Combine>
inline constexpr bool is_routine_rule = false;
template <class Combine>
inline constexpr bool is_routine_rule<routine<Combine>> = true;

/// A combine rule of a callback whose operation has happened by then, or that nobody waits for: there is nothing to put off.
template <class Combine>
struct afterwards : Combine {};
/// A combine rule of a callback that denies its operation with the value `Denial`, where the rule itself doesn't say with what.
template <auto Denial, class Combine>
struct denied_by : Combine {
    static constexpr auto denial = Denial;
};
/// A combine rule of a callback whose denial looks like something else to those who are denied: no answer may say that a module decided.
template <class Combine>
struct unseen : Combine {};
template <class Combine>
inline constexpr bool is_unseen_rule = false;
template <class Combine>
inline constexpr bool is_unseen_rule<unseen<Combine>> = true;
/// A combine rule of a callback that every worker of every process calls, whoever did what it tells of. The others are called by the
/// one that serves the operation.
template <class Combine>
struct told_everywhere : Combine {};
template <class Combine>
inline constexpr bool is_told_everywhere = false;
template <class Combine>
inline constexpr bool is_told_everywhere<told_everywhere<Combine>> = true;
/// A combine rule of a callback that is asked about a room, whose id is the parameter at `Position`, from 0.
template <std::size_t Position, class Combine>
struct in_room : Combine {};
template <class Combine>
inline constexpr std::size_t room_parameter = ~std::size_t{0};  // none
template <std::size_t Position, class Combine>
inline constexpr std::size_t room_parameter<in_room<Position, Combine>> = Position;
/// A combine rule of a callback whose second parameter, an address, says whom a call is about.
template <class Combine>
struct about_an_address : Combine {};

/// The kind of a category's members: async::slot or async::dispatch.
#define MODAPI_CALLBACK_KIND                                                                    \
    template <async::name Name, class Signature, class Combine, class Errors, class Key = void> \
    class Callback

}  // namespace callbacks
