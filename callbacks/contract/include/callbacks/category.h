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

/// The kind of a category's members: async::slot or async::dispatch.
#define MODAPI_CALLBACK_KIND                                                                    \
    template <async::name Name, class Signature, class Combine, class Errors, class Key = void> \
    class Callback

}  // namespace callbacks
