#pragma once

#include "http/router.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/account_validity.h>
#include <callbacks/spam_checker.h>
#include <callbacks/users.h>

#include <async/clock.h>
#include <async/task.h>

#include <functional>
#include <optional>
#include <string>

namespace homeserver {

/// A user that is to be, whoever makes it: a client, an admin, a module.
struct NewUser {
    std::optional<std::string> localpart;  ///< none: the server makes one up
    std::optional<std::string> password_hash;
    std::optional<std::string> display_name;  ///< none: the localpart; empty: no display name
    bool admin = false;
    std::optional<callbacks::JsonDict> email_threepid;  ///< the address that was validated for it
    callbacks::RegistrationRequestInfo request_info;    ///< user agent and address of the client; empty for a module
    /// Is done in the transaction that makes the account, with its id; a throw there leaves none. Empty: nothing.
    std::function<void(modapi::Transaction&, const std::string& user_id)> alongside{};
};

/// Makes users. One a worker; thread: the worker's.
class UserCreation {
public:
    UserCreation(modapi::Database& database, const async::clock& clock, const ServerName& server_name,
                 callbacks::AccountValidityDispatch& account_validity, callbacks::SpamCheckerDispatch& spam_checker) noexcept
        : database_(database),
          clock_(clock),
          server_name_(server_name),
          account_validity_(account_validity),
          spam_checker_(spam_checker) {}

    /// Asks check_registration_for_spam, checks the localpart, stores the account and its profile; gives the user id. Only
    /// on_user_registration is left to be called, when the caller has stored what belongs to the account.
    ///
    /// The caller protects it by to_the_end: nobody else would finish an account. Errors: SynapseError 429 "Rate limited" when
    /// a module denies it; 400 `M_INVALID_USERNAME`, 400 `M_USER_IN_USE`.
    [[nodiscard]] async::task<std::string> create(NewUser user);

    /// Runs `create`, then on_user_registration. If that callback throws, the account stays.
    [[nodiscard]] async::task<std::string> register_user(NewUser user);

private:
    modapi::Database& database_;
    const async::clock& clock_;
    const ServerName& server_name_;
    callbacks::AccountValidityDispatch& account_validity_;
    callbacks::SpamCheckerDispatch& spam_checker_;
};

/// What check_registration_for_spam is told of a request.
[[nodiscard]] callbacks::RegistrationRequestInfo registration_request_info(const RoutedRequest& request);

}  // namespace homeserver
