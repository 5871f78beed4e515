#pragma once

#include <async/combine.h>
#include <async/context_manager.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/name.h>
#include <async/slot.h>

#include <string_view>

/// How a callback is declared, once:
///
///     Callback<"name", Answer(arguments), how answers combine, what an exception does> name{};
///
/// `routine<...>` around how answers combine: its decisions are the normal case, which a log needn't tell. A last argument
/// makes it one that is registered per key.
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

/// The kind of a category's members: async::slot or async::dispatch.
#define MODAPI_CALLBACK_KIND                                                                    \
    template <async::name Name, class Signature, class Combine, class Errors, class Key = void> \
    class Callback

}  // namespace callbacks
