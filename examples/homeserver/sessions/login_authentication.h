#pragma once

#include "http/host_pool.h"
#include "rate_limits/rate_limits.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/auth_result.h>
#include <callbacks/json.h>
#include <callbacks/password_auth_provider.h>

#include <async/task.h>

#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

inline constexpr std::string_view password_login_type = "m.login.password";

/// Who proved to be whom.
struct ProvedUser {
    callbacks::AuthResult accepted;
    std::optional<std::string> password_hash;  ///< of the server's own password that proved it; none: modules did
};

/// Who logs in. One a worker; thread: the worker's.
class LoginAuthentication {
public:
    LoginAuthentication(modapi::Database& database, const ServerName& server_name, const HostPool& host_pool,
                        RateLimits& rate_limits, callbacks::PasswordAuthProviderDispatch& password_auth_provider) noexcept
        : database_(database),
          server_name_(server_name),
          host_pool_(host_pool),
          rate_limits_(rate_limits),
          password_auth_provider_(password_auth_provider) {}

    /// Who a login request proves to be: modules' checkers first, then, for `m.login.password`, the server's own passwords.
    ///
    /// A login that fails counts for whom it names, there or not; those who are under way count too, so that nobody tries many
    /// at once.
    ///
    /// Errors: LimitExceeded if too many have failed; SynapseError 400 for what is missing or unknown, 403 `M_FORBIDDEN`
    /// "Invalid username or password" when nobody accepts; 403 `M_USER_DEACTIVATED` for a deactivated account that no module
    /// accepts.
    [[nodiscard]] async::task<ProvedUser> authenticated(std::string login_type, callbacks::JsonDict body);

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    const HostPool& host_pool_;
    RateLimits& rate_limits_;
    callbacks::PasswordAuthProviderDispatch& password_auth_provider_;
};

}  // namespace homeserver
