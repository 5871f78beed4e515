#pragma once

#include <callbacks/event_decision.h>
#include <callbacks/json.h>
#include <callbacks/media.h>
#include <callbacks/presence.h>
#include <callbacks/ratelimit_override.h>
#include <callbacks/users.h>
#include <callbacks/verdict.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spdlog {
class logger;
}

/// What the answers of callbacks that are written in Python mean: as the contract's server takes them.
///
/// Where that server takes what the contract has no word for, with a warning, so is it here; where it fails,
/// callbacks::ModuleFailed says in one line what the callback answered and what the contract has there, and the callback's own
/// error rule applies. Nothing of an answer's content is in such a line. Thread: the worker's.
namespace modapi {

/// What a boolean means where the contract has a verdict.
enum class BooleanVerdict : unsigned char {
    true_denies,   ///< as the contract says
    true_allows,   ///< as the contract's server does, and published modules mean it: of all `user_may_...`
    always_denies  ///< no answer at all, and so a denial
};

/// Which forms of a verdict a callback may answer.
struct VerdictForms {
    BooleanVerdict booleans = BooleanVerdict::always_denies;
    bool texts = false;  ///< any other text is what the client is told
    bool pairs = true;   ///< a code with fields
};

/// The callback that has answered, for messages, and where a warning goes.
struct AskedCallback {
    std::string_view name;
    spdlog::logger& log;

    /// Says that it has answered something that counts as `meaning`. Cost: a record of the log, each time.
    void warn(const callbacks::JsonValue& answer, std::string_view meaning) const;
    /// Errors: always, callbacks::ModuleFailed.
    [[noreturn]] void fail(const callbacks::JsonValue& answer, std::string_view wanted) const;
};

[[nodiscard]] callbacks::Verdict verdict_of(const AskedCallback& asked, const callbacks::JsonValue& answer, VerdictForms forms);
/// A pair: whether it is allowed, which all is but False, and a dictionary in the event's place. Errors: ModuleFailed.
[[nodiscard]] callbacks::EventDecision event_decision_of(const AskedCallback& asked, const callbacks::JsonValue& answer);
/// False is, and nothing else, which is warned of.
[[nodiscard]] bool unless_false(const AskedCallback& asked, const callbacks::JsonValue& answer);
/// Text, or none, also for what is neither, which is warned of.
[[nodiscard]] std::optional<std::string> text_or_none(const AskedCallback& asked, const callbacks::JsonValue& answer);
// Errors of these: ModuleFailed.
[[nodiscard]] callbacks::RegistrationBehaviour registration_of(const AskedCallback& asked, const callbacks::JsonValue& answer);
[[nodiscard]] int number_of(const AskedCallback& asked, const callbacks::JsonValue& answer);
[[nodiscard]] callbacks::JsonDict dictionary_of(const AskedCallback& asked, const callbacks::JsonValue& answer);
[[nodiscard]] std::optional<std::vector<callbacks::MediaUploadLimit>> limits_or_none(const AskedCallback& asked,
                                                                                     const callbacks::JsonValue& answer);
[[nodiscard]] std::optional<callbacks::RatelimitOverride> override_or_none(const AskedCallback& asked,
                                                                           const callbacks::JsonValue& answer);
/// Of a user whose states are no set, and of all behind it, nothing counts, which is warned of. Errors: ModuleFailed.
[[nodiscard]] callbacks::UsersForStates users_for_states_of(const AskedCallback& asked, const callbacks::JsonValue& answer);
[[nodiscard]] callbacks::InterestedUsers interested_users_of(const AskedCallback& asked, const callbacks::JsonValue& answer);

/// Who has logged in, and the callback for the login's response, if there is one, by its handle.
struct PythonLogin {
    std::string user_id;
    std::optional<std::int64_t> on_response;
};
/// Errors: ModuleFailed.
[[nodiscard]] std::optional<PythonLogin> login_or_none(const AskedCallback& asked, const callbacks::JsonValue& answer);

}  // namespace modapi
