#pragma once

#include <modapi/database.h>

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <string>

namespace homeserver {

/// Proofs that somebody reads what is sent to an address: a code goes there, and who says it back has it validated. The
/// functions are for use inside a transaction; `now` is in milliseconds since 1970.

/// What a client asks to have validated.
struct ValidationRequest {
    std::string medium;   ///< `email`, `msisdn`
    std::string address;  ///< canonical
    std::string client_secret;
    std::int64_t send_attempt = 1;
    std::optional<std::string> next_link;  ///< where a browser goes that has opened the link
    bool is_registration = false;          ///< else for an account that is there: the proof is good for nothing else
};

/// A validation that is going on.
struct Validation {
    std::string sid;
    std::string token;
    bool is_to_be_sent = false;  ///< false: this attempt was sent before, or the address got enough of them
};

/// The validation of this client and address, a new one if there is none that waits for its code; old ones go. A code is good
/// for an hour and for five wrong tries. No address gets more than five codes within an hour, whoever asks for them; what
/// `is_to_be_sent` counts as sent.
[[nodiscard]] Validation begin_validation(modapi::Transaction& transaction, const ValidationRequest& request, std::int64_t now);
/// The code has been sent: the same attempt sends nothing more.
void note_sent(modapi::Transaction& transaction, const std::string& sid, std::int64_t send_attempt);

/// What became of a code that was said.
enum class CodeOutcome {
    VALIDATED,
    UNKNOWN_SESSION,  ///< or another client's
    WRONG,
    TOO_MANY_TRIES,
    USED_ALREADY,
    EXPIRED
};
struct SubmittedCode {
    CodeOutcome outcome = CodeOutcome::UNKNOWN_SESSION;
    std::optional<std::string> next_link;
};
[[nodiscard]] SubmittedCode submit_code(modapi::Transaction& transaction, const std::string& medium, const std::string& sid,
                                        const std::string& client_secret, const std::string& token, std::int64_t now);

/// An address that was validated.
struct ValidatedAddress {
    std::string medium;
    std::string address;
    std::int64_t validated_at = 0;
};
/// None for an unknown session, another client's, one that isn't validated, one from more than a day ago, and one that was
/// asked for to the other end.
[[nodiscard]] std::optional<ValidatedAddress> validated_address(modapi::Transaction& transaction, const std::string& sid,
                                                                const std::string& client_secret, std::int64_t now,
                                                                bool is_registration = false);
/// A validation is good for one use.
void end_validation(modapi::Transaction& transaction, const std::string& sid);

}  // namespace homeserver
