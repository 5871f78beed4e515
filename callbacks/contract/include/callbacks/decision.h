#pragma once

#include <callbacks/json.h>

#include <async/observed_run.h>

#include <exception>
#include <string>
#include <string_view>

/// What there is to say of a call that a module decided or failed, to those who weren't there: whom it was about, how it was denied,
/// what was replaced. Read from the types of what the callback was called with and answered, so that a new callback needs no line here.
namespace callbacks {

struct CallbackDescription;

/// Whom and what a call is about. Empty: it doesn't say. Valid as long as what the callback was called with.
struct CallSubject {
    std::string_view user_id;
    std::string_view room_id;
    std::string_view event_id;
};
/// The sender, room and id of an event; the user that is the first parameter, and the room that is the one which the callback is
/// declared with (callbacks/category.h, `in_room`). What is no Matrix id is never taken for one: it may be a password.
/// `described`: the row of the callback (callbacks/dispatchers.h); null: it is none of the contract's.
[[nodiscard]] CallSubject subject_of(const async::observed_run& run, const CallbackDescription* described) noexcept;

/// What a callback answers that may change what it is given, to those who hear of its decisions: which keys it changed.
struct ChangedKeys {
    std::string names;
};
/// The keys of which two objects have different values, or only one has a value: `name, preset`.
[[nodiscard]] std::string changed_keys(const JsonDict& before, const JsonDict& after);

/// What an answer that ended the walk did.
struct AnsweredDecision {
    /// What became of the operation.
    enum class Kind : unsigned char {
        let_pass,  ///< nothing that anybody would ask about: a login that is right, an account that isn't expired
        denied,
        replaced,
    };
    Kind kind = Kind::let_pass;
    std::string_view errcode;  ///< of a denial; empty: the host's for this operation. Valid as long as the answer
    std::string text;          ///< of a denial, empty: the host's; of a replacement which keys it changed
};
/// Reads it from a run that has ended with an answer.
[[nodiscard]] AnsweredDecision answered_decision(const async::observed_run& run);

/// What an exception says, cut to what a list shows, without what the callback was given: its texts but the ids of subject_of, and what
/// an event's content or another object says, have `[...]` in their place if they are longer than seven characters. A module may quote a
/// message or a password.
[[nodiscard]] std::string text_of_failure(const std::exception_ptr& failure, const async::observed_run& run);
/// Likewise of a text that says it.
[[nodiscard]] std::string text_of_failure(std::string text, const async::observed_run& run);

}  // namespace callbacks
