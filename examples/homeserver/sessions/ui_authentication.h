#pragma once

#include "accounts/turns.h"
#include "http/host_pool.h"
#include "mail/mailer.h"
#include "sessions/login_authentication.h"

#include <callbacks/json.h>
#include <callbacks/password_auth_provider.h>
#include <modapi/database.h>
#include <modapi/web_resource.h>

#include <async/clock.h>
#include <async/task.h>

#include <optional>
#include <string>
#include <variant>

namespace homeserver {

/// One user-interactive authentication: what was asked for, and which stages are done.
struct UiAuthSession {
    std::string session_id;
    std::string operation;                     ///< `register`: a session is good for what it began with
    callbacks::JsonDict parameters;            ///< the request's body without `auth` and `password`
    std::optional<std::string> password_hash;  ///< of the body's `password`, which itself is never kept
    callbacks::JsonDict completed;             ///< from stage to its result
    std::optional<std::string> result;         ///< what the operation made, once it is done: a user id
};

/// The id of the session that `auth` of a body names; none if it names none. Errors: 400 `M_INVALID_PARAM`.
[[nodiscard]] std::optional<std::string> ui_auth_session_id(const callbacks::JsonDict& body);

/// User-interactive authentication. One a worker; thread: the worker's.
class UiAuthentication {
public:
    UiAuthentication(modapi::Database& database, const async::clock& clock, const HostPool& host_pool,
                     callbacks::PasswordAuthProviderDispatch& password_auth_provider, Mailer& mailer,
                     LoginAuthentication& login_authentication, Turns& turns) noexcept
        : database_(database),
          clock_(clock),
          host_pool_(host_pool),
          password_auth_provider_(password_auth_provider),
          mailer_(mailer),
          login_authentication_(login_authentication),
          turns_(turns) {}

    /// The session that `auth` of a body names; none if it names none. Errors: 400 `M_UNKNOWN` for an unknown one, 403 for one
    /// of another operation.
    [[nodiscard]] async::task<std::optional<UiAuthSession>> find_session(std::string operation, callbacks::JsonDict body);

    /// Tries the stage that the body's `auth` names, in its session or a new one. The session when every stage is done, else
    /// the 401 that says what is to be done. Every flow is of one stage: those of `register` are `m.login.dummy` and, where
    /// codes can be sent, `m.login.email.identity` and `m.login.msisdn`; everything else is done by who proves to be `user_id`,
    /// by `m.login.password` or a login type of the modules.
    ///
    /// `known` is what `find_session` gave. Errors: 400 `M_INVALID_PARAM` for a member of a wrong type; 403 `M_FORBIDDEN`
    /// "Invalid auth" for who proves to be somebody else.
    [[nodiscard]] async::task<std::variant<UiAuthSession, modapi::Response>> authenticate(std::string operation,
                                                                                          callbacks::JsonDict body,
                                                                                          std::optional<UiAuthSession> known,
                                                                                          std::string user_id);

    /// The whole of it for an operation that asks its user to prove once more who they are: none when they did, else the
    /// response that says what is to be done. A session is good for this operation and this user only. Errors: those of
    /// `find_session` and `authenticate`.
    [[nodiscard]] async::task<std::optional<modapi::Response>> prove_again(std::string operation, callbacks::JsonDict body,
                                                                           std::string user_id);

private:
    /// A new password's hash. One at a time in the process: whoever asks for many, without being anybody yet, leaves the rest
    /// of the threads that hash to those who log in.
    [[nodiscard]] async::task<std::string> hash_next(std::string password);

    modapi::Database& database_;
    const async::clock& clock_;
    const HostPool& host_pool_;
    callbacks::PasswordAuthProviderDispatch& password_auth_provider_;
    Mailer& mailer_;
    LoginAuthentication& login_authentication_;
    Turns& turns_;
};

/// Remembers what the session's operation made, so that a repeated request makes it only once. For use inside the transaction that
/// makes it. Errors: SynapseError 503 with `Retry-After: 1` if another request was faster, whose result the next one finds.
void finish_session(modapi::Transaction& transaction, const std::string& session_id, const std::string& result);

/// Whether the body asks for something; one that doesn't goes on with what its session was begun for.
[[nodiscard]] bool asks_anew(const callbacks::JsonDict& body);

}  // namespace homeserver
