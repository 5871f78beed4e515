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
/// Around how answers combine stands what else there is to say, in any order: since which version of the contract there is this
/// callback (`since`), or one of its arguments (`argument_since`), and the words below. `denied_by` and `about_an_address` are
/// for where callbacks/ruling.h, which says what may be ruled for a callback, can't see it from the rest. A last argument makes
/// it one that is registered per key.
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

/// The first value that is neither none nor empty. Answers are std::optional of a container.
struct first_not_empty : first_value {
    static constexpr std::string_view name = "first that is neither none nor empty";
    /// One call's way through the hooks: see async/combine.h.
    template <class R>
    struct walk {
        R decided{};
        bool add(R&& answer) {
            if (!answer || answer->empty()) return false;
            decided = std::move(answer);
            return true;
        }
        R finish() { return std::move(decided); }
    };
};

/// A callback that the contract has since this version of its server.
template <async::name Version, class Combine>
struct since : Combine {
    static constexpr std::string_view first_version = Version.view();
};
/// An argument, at `Position` from 0, that the contract has since this version: a callable may leave it out, and what comes
/// behind it.
template <std::size_t Position, async::name Version, class Combine>
struct argument_since : Combine {
    static constexpr std::size_t least_arguments = Position;
    static constexpr std::string_view argument_version = Version.view();
};

/// A callback that is asked so often, or that decides so regularly, that its decisions are no news: on every request, on every
/// step of an update. A log needn't tell them.
template <class Combine>
struct routine : Combine {
    static constexpr bool is_routine = true;
};
/// A callback whose operation has happened by then, or that nobody waits for: there is nothing to put off.
template <class Combine>
struct afterwards : Combine {
    static constexpr bool is_afterwards = true;
};
/// A callback that denies its operation with the value `Denial`, where the rule itself doesn't say with what.
template <auto Denial, class Combine>
struct denied_by : Combine {
    static constexpr auto denial = Denial;
};
/// A callback whose denial looks like something else to those who are denied: no answer may say that a module decided.
template <class Combine>
struct unseen : Combine {
    static constexpr bool is_unseen = true;
};
/// A callback that every worker of every process calls, whoever did what it tells of. The others are called by the one that
/// serves the operation.
template <class Combine>
struct told_everywhere : Combine {
    static constexpr bool is_told_everywhere = true;
};
/// A callback that is asked about a room, whose id is the parameter at `Position`, from 0.
template <std::size_t Position, class Combine>
struct in_room : Combine {
    static constexpr std::size_t room_parameter = Position;
};
/// A callback whose second parameter, an address, says whom a call is about.
template <class Combine>
struct about_an_address : Combine {
    static constexpr bool is_about_an_address = true;
};

template <class Combine>
concept is_routine_rule = requires {
    Combine::is_routine;
};
template <class Combine>
concept is_afterwards_rule = requires {
    Combine::is_afterwards;
};
template <class Combine>
concept is_unseen_rule = requires {
    Combine::is_unseen;
};
template <class Combine>
concept is_told_everywhere_rule = requires {
    Combine::is_told_everywhere;
};
template <class Combine>
concept is_about_an_address_rule = requires {
    Combine::is_about_an_address;
};
/// The position of a room's id; greater than all: there is none.
template <class Combine>
inline constexpr std::size_t room_parameter = ~std::size_t{0};
/// The position that a rule names.
template <class Combine>
requires requires { Combine::room_parameter; }
inline constexpr std::size_t room_parameter<Combine> = Combine::room_parameter;

/// The kind of a category's members: async::slot or async::dispatch.
#define MODAPI_CALLBACK_KIND                                                                    \
    template <async::name Name, class Signature, class Combine, class Errors, class Key = void> \
    class Callback

}  // namespace callbacks
