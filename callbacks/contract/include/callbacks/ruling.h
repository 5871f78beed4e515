#pragma once

#include <callbacks/category.h>
#include <callbacks/error_rules.h>
#include <callbacks/event.h>
#include <callbacks/rules.h>
#include <callbacks/shadowing.h>
#include <callbacks/spam_checker.h>
#include <callbacks/users.h>

#include <async/limited_call.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

/// What may be ruled for a callback and what that comes to, all of it from its one declaration: whom a call is about from the
/// types of its parameters, how it denies from how its answers combine, whether it can be put off from what an exception does.
namespace callbacks {

namespace detail {

/// Whom a call is about, by an argument of type T: a user, else a sender, a room or an address. None: this one doesn't say.
template <class T>
struct Subject {
    static constexpr bool is_known = false;
    static std::optional<std::string_view> of(const T&) noexcept { return std::nullopt; }
};
struct KnownSubject {
    static constexpr bool is_known = true;
};
template <>
struct Subject<std::string> : KnownSubject {
    static std::optional<std::string_view> of(const std::string& text) noexcept { return text; }
};
template <>
struct Subject<std::optional<std::string>> : KnownSubject {
    static std::optional<std::string_view> of(const std::optional<std::string>& text) noexcept { return text; }
};
template <>
struct Subject<Event> : KnownSubject {
    static std::optional<std::string_view> of(const Event& event) noexcept { return event.sender(); }
};
template <>
struct Subject<Requester> : KnownSubject {
    static std::optional<std::string_view> of(const Requester& requester) noexcept { return requester.user.to_string(); }
};
template <>
struct Subject<UserProfile> : KnownSubject {
    static std::optional<std::string_view> of(const UserProfile& profile) noexcept { return profile.user_id; }
};
template <>
struct Subject<RegistrationRequestInfo> : KnownSubject {
    static std::optional<std::string_view> of(const RegistrationRequestInfo& requests) noexcept {
        return requests.empty() ? std::string_view() : std::string_view(requests.front().second);
    }
};

template <class Combine>
constexpr bool has_one_answerer = std::is_base_of_v<only_first, Combine>;
template <class Combine>
concept names_its_denial = requires {
    Combine::denial;
};

/// How an answer of this type denies, where `Pass` is the one that doesn't.
template <class Answer, auto Pass>
Answer denial_of(const async::first_not<Pass>&) {
    if constexpr (std::is_same_v<Answer, Verdict>) {
        return Codes::FORBIDDEN;
    } else if constexpr (std::is_same_v<Answer, RegistrationBehaviour>) {
        return RegistrationBehaviour::DENY;
    } else if constexpr (std::is_same_v<Answer, EventDecision>) {
        return false;
    } else {
        return !Pass;
    }
}
template <class Answer, class Combine>
concept denies_by_what_passes = requires(const Combine& rule) {
    detail::denial_of<Answer>(rule);
};

}  // namespace detail

/// What a callback's declaration says of failures, shares and shadow mode; the Policy of async::limited_call. `Slot` is a slot
/// of one callable.
template <class Slot>
struct what_may_be_ruled;

/// Read from a callback's declaration.
template <async::name Name, class R, class... Parameters, class Combine, class Errors, class Key>
struct what_may_be_ruled<async::slot<Name, R(Parameters...), Combine, Errors, Key>> : Shadowing<R, Combine, Parameters...> {
    using answer = typename async::detail::dispatched<R>::type;

    static constexpr bool rejected = detail::denies_by_what_passes<answer, Combine> || detail::names_its_denial<Combine> ||
                                     std::is_same_v<Errors, forbid_room_creation>;
    static constexpr bool put_off =
        !is_afterwards_rule<Combine> && !detail::has_one_answerer<Combine> && !std::is_same_v<Errors, log_and_go_on>;
    static constexpr bool shared =
        !detail::has_one_answerer<Combine> && (detail::Subject<std::remove_cvref_t<Parameters>>::is_known || ...);

    /// Where a call with these arguments lies among all: a share of the points is a share of those whom calls are about.
    static std::uint32_t point_of(const std::remove_cvref_t<Parameters>&... arguments) noexcept {
        std::optional<std::string_view> subject;
        if constexpr (shared) {
            int to_pass_over = is_about_an_address_rule<Combine> ? 1 : 0;
            static_cast<void>(((to_pass_over-- <= 0 &&
                                (subject = detail::Subject<std::remove_cvref_t<Parameters>>::of(arguments)).has_value()) ||
                               ...));
        }
        return share_point(subject.value_or(std::string_view()));
    }

    /// Whether an exception is an answer of the module, and no failure of it.
    static bool is_answer(const std::exception_ptr& failure) {
        return lets_synapse_errors_pass<Errors> && is_client_error(failure);
    }

    static answer denial() {
        if constexpr (detail::denies_by_what_passes<answer, Combine>) {
            return detail::denial_of<answer>(Combine());
        } else if constexpr (detail::names_its_denial<Combine>) {
            return Combine::denial;
        } else if constexpr (std::is_same_v<Errors, forbid_room_creation>) {
            throw Errors::denial();
        } else {
            throw std::logic_error("this callback can deny nothing");  // a configuration that wants it is refused
        }
    }

    /// The exception that says to try again when `remaining` has passed.
    static std::exception_ptr later(async::clock::duration remaining) {
        constexpr std::chrono::seconds usual(5);
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(remaining);
        return std::make_exception_ptr(TryAgainLater(seconds.count() > 0 ? seconds : usual));
    }
};

}  // namespace callbacks
