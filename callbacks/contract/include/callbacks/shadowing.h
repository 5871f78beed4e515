#pragma once

#include <callbacks/auth_result.h>
#include <callbacks/category.h>
#include <callbacks/event_decision.h>
#include <callbacks/json.h>
#include <callbacks/media.h>
#include <callbacks/presence.h>
#include <callbacks/ratelimit_override.h>
#include <callbacks/users.h>
#include <callbacks/verdict.h>

#include <async/combine.h>
#include <async/context_manager.h>
#include <async/error_rule.h>
#include <async/observation.h>
#include <async/watched_call.h>
#include <async/writer_slot.h>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Callbacks in shadow mode: which can be, what a run is given, and when its answer differs from what was done.
///
/// Can be: what answers something, or may change an argument (on_create_room). What only notifies can't: there is nothing to
/// compare. on_update neither: what it answers is run around an update.
///
/// Differs: had the module's answer counted, at the module's place in the walk, something else would have been done. A module
/// is asked only where the walk reaches it, so nobody before it has decided.
///
/// | how answers combine | differs |
/// |---|---|
/// | first that is not none, or not the pass value | it decides, and not what was decided by others (by nobody, perhaps) |
/// | only the first registrant | its value isn't the one that counted |
/// | merge, last wins per key | a field that nobody after it wrote has another value, or isn't there |
/// | union per key; union, everyone ends it | somebody isn't in what was done; everyone, and what was done isn't everyone |
/// | all in order | it changed its argument |
///
/// An exception by which a callback answers (a SynapseError below 500 that its error rule lets pass) decides likewise. Where
/// what was done is a failure, only an answer differs that would have ended the walk before.
namespace callbacks {

namespace detail {

/// An argument of a run that may go on after the call that it was given to. Json is copied out of whatever memory it is in.
template <class T>
struct Owned {
    using type = T;
    static std::optional<type> copy(const T& value) { return std::optional<type>(std::in_place, value); }
    static T& get(type& own) noexcept { return own; }
};
template <>
struct Owned<JsonDict> {
    using type = JsonDict;
    static std::optional<type> copy(const JsonDict& value) {
        return std::optional<type>(std::in_place, value, boost::json::storage_ptr());
    }
    static JsonDict& get(type& own) noexcept { return own; }
};
template <>
struct Owned<std::optional<JsonDict>> {
    using type = std::optional<JsonDict>;
    static std::optional<type> copy(const std::optional<JsonDict>& value) {
        return std::optional<type>(std::in_place, value ? Owned<JsonDict>::copy(*value) : std::nullopt);
    }
    static std::optional<JsonDict>& get(type& own) noexcept { return own; }
};
template <>
struct Owned<ReadableFileWrapper> {
    using type = std::unique_ptr<ReadableFileWrapper>;
    static std::optional<type> copy(const ReadableFileWrapper& file) {
        type again = file.read_again();
        return again != nullptr ? std::optional<type>(std::move(again)) : std::nullopt;
    }
    static ReadableFileWrapper& get(type& own) noexcept { return *own; }
};

// What an answer says, for people. No password and no token is in one; texts that may be long are cut.
[[nodiscard]] std::string answer_text(bool answer);
[[nodiscard]] std::string answer_text(int answer);
[[nodiscard]] std::string answer_text(const std::string& answer);
[[nodiscard]] std::string answer_text(const Verdict& answer);
[[nodiscard]] std::string answer_text(const EventDecision& answer);
[[nodiscard]] std::string answer_text(RegistrationBehaviour answer);
[[nodiscard]] std::string answer_text(const std::vector<MediaUploadLimit>& answer);
[[nodiscard]] std::string answer_text(const RatelimitOverride& answer);
[[nodiscard]] std::string answer_text(const AuthResult& answer);
[[nodiscard]] std::string answer_text(const JsonDict& fields);
[[nodiscard]] std::string answer_text(const UsersForStates& users);
[[nodiscard]] std::string answer_text(const InterestedUsers& users);
[[nodiscard]] std::string answer_text(const std::exception_ptr& failure);
template <class T>
[[nodiscard]] std::string answer_text(const std::optional<T>& answer) {
    return answer ? answer_text(*answer) : "none";
}

// Whether two answers do the same.
template <class T>
[[nodiscard]] bool same_answer(const T& one, const T& other) {
    return one == other;
}
[[nodiscard]] bool same_answer(const Verdict& one, const Verdict& other);
[[nodiscard]] bool same_answer(const EventDecision& one, const EventDecision& other);
[[nodiscard]] inline bool same_answer(const AuthResult& one, const AuthResult& other) { return one.user_id == other.user_id; }
template <class T>
[[nodiscard]] bool same_answer(const std::optional<T>& one, const std::optional<T>& other) {
    return one.has_value() == other.has_value() && (!one || same_answer(*one, *other));
}

/// What a run added by the writer form, and what others had written when it was asked.
struct WrittenFields {
    JsonDict fields;
    JsonDict before;
};
[[nodiscard]] inline std::string answer_text(const WrittenFields& written) { return answer_text(written.fields); }

/// What a callback that answers nothing did with an argument that it may change.
struct ChangedArguments {
    bool has_changed;
};
[[nodiscard]] std::string answer_text(const ChangedArguments& change);

// By how answers combine: whether an answer says nothing, whether it ends the walk, and whether what was done would be another.
template <class Answer>
struct ByFirstValue {
    static constexpr bool ends_the_walk = true;
    static bool says_nothing(const Answer& answer) { return !answer; }
    static bool would_change(const Answer& answer, const Answer& done) { return !same_answer(answer, done); }
};
template <class Answer>
struct ByFirstNotEmpty : ByFirstValue<Answer> {
    static bool says_nothing(const Answer& answer) { return !answer || answer->empty(); }
};
template <class Answer, auto Pass>
struct ByFirstNot {
    static constexpr bool ends_the_walk = true;
    static bool says_nothing(const Answer& answer) { return answer == Pass; }
    static bool would_change(const Answer& answer, const Answer& done) { return !same_answer(answer, done); }
};
template <class Answer>
struct ByOnlyFirst {
    static constexpr bool ends_the_walk = true;
    static bool says_nothing(const Answer&) { return false; }
    static bool would_change(const Answer& answer, const std::optional<Answer>& done) {
        return !done || !same_answer(answer, *done);
    }
};
struct ByLastPerKey {
    static constexpr bool ends_the_walk = false;
    static bool says_nothing(const WrittenFields& answer) { return answer.fields.empty(); }
    static bool would_change(const WrittenFields& answer, const JsonDict& done);
};
struct ByUnion {
    static constexpr bool ends_the_walk = false;
    static bool says_nothing(const UsersForStates& answer) { return answer.empty(); }
    static bool would_change(const UsersForStates& answer, const UsersForStates& done);
    static bool says_nothing(const InterestedUsers& answer) { return !answer.is_everyone() && answer.users().empty(); }
    static bool would_change(const InterestedUsers& answer, const InterestedUsers& done);
};
struct ByChange {
    static constexpr bool ends_the_walk = false;
    static bool says_nothing(const ChangedArguments& answer) { return !answer.has_changed; }
    static bool would_change(const ChangedArguments&, const async::detail::empty_value&) { return true; }
};

template <class Answer, auto Pass>
ByFirstNot<Answer, Pass> comparison(const async::first_not<Pass>&);
template <class Answer>
ByFirstValue<Answer> comparison(const async::first_value&);
template <class Answer>
ByFirstNotEmpty<Answer> comparison(const first_not_empty&);
template <class Answer>
ByOnlyFirst<Answer> comparison(const async::only_first&);
template <class Answer>
ByLastPerKey comparison(const async::last_wins_per_key&);
template <class Answer>
ByUnion comparison(const async::union_per_key&);
template <class Answer>
ByUnion comparison(const async::union_or_everyone&);
template <class Answer>
ByChange comparison(const async::run_all&);

template <class Answer>
struct Compared {
    using type = Answer;
};
template <>
struct Compared<void> {
    using type = ChangedArguments;
};

template <class Parameter>
inline constexpr bool may_be_changed =
    std::is_lvalue_reference_v<Parameter> && !std::is_const_v<std::remove_reference_t<Parameter>>;

}  // namespace detail

/// The part of a callback's policy that async/shadow_call.h asks for, from its declaration.
template <class R, class Combine, class... Parameters>
struct Shadowing {
    using given = typename async::detail::dispatched<R>::type;
    using result = typename Combine::template result<given>;
    static constexpr bool is_written = async::writer_answer<R>;

    static constexpr bool shadowed = !std::is_same_v<given, async::context_manager<int>> &&
                                     (!std::is_void_v<given> || (detail::may_be_changed<Parameters> || ...));

    template <class T>
    using owned = detail::Owned<T>;
    using copies = std::tuple<typename owned<std::remove_cvref_t<Parameters>>::type...>;
    using shadow_answer = std::conditional_t<is_written, detail::WrittenFields, typename detail::Compared<given>::type>;

    /// What a callback answered that writes: its fields, compared with those that were there.
    static shadow_answer answered(JsonDict fields, JsonDict before) requires is_written {
        return {std::move(fields), std::move(before)};
    }
    /// What a callback made of its arguments: what they were before, and what they are.
    static shadow_answer answered(const copies& before, const copies& after) requires std::is_void_v<given> {
        return compared_arguments(before, after, std::index_sequence_for<Parameters...>());
    }

    /// An answer as an operator reads it.
    template <class Said>
    static std::string text_of(const Said& said) {
        return detail::answer_text(said);
    }

    /// `answer` is null where it is an exception, `failure`.
    static async::shadow_result compared(const shadow_answer* answer, const std::exception_ptr& failure,
                                         const async::detail::call_outcome<result>& done) {
        using by = decltype(detail::comparison<given>(std::declval<const Combine&>()));
        async::shadow_result compared{async::shadow_end::agreed, answer != nullptr ? text_of(*answer) : text_of(failure), {}};
        bool differs = true;
        if (done.failure) {
            compared.done = text_of(done.failure);
            if (answer != nullptr) {
                differs = by::ends_the_walk && !by::says_nothing(*answer);
            } else {
                differs = compared.answer != compared.done;
            }
        } else {
            if constexpr (std::is_void_v<result>) {
                compared.done = "what others made of it";
            } else {
                compared.done = text_of(*done.result);
            }
            if (answer != nullptr) differs = !by::says_nothing(*answer) && by::would_change(*answer, *done.result);
        }
        if (differs) compared.end = async::shadow_end::differed;
        return compared;
    }

private:
    template <std::size_t... Index>
    static detail::ChangedArguments compared_arguments(const copies& before, const copies& after,
                                                       std::index_sequence<Index...>) {
        return {(is_changed<Parameters>(std::get<Index>(before), std::get<Index>(after)) || ...)};
    }
    template <class Parameter, class Value>
    static bool is_changed(const Value& before, const Value& after) {
        if constexpr (detail::may_be_changed<Parameter>) {
            return !(before == after);
        } else {
            return false;
        }
    }
};

}  // namespace callbacks
