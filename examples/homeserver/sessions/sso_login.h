#pragma once

#include "sessions/session_settings.h"
#include "text/server_name.h"

#include <callbacks/account_validity.h>

#include <modapi/database.h>
#include <modapi/web_resource.h>

#include <async/clock.h>
#include <async/task.h>

#include <string>

namespace homeserver {

/// A login that an authentication provider vouches for; the module that speaks to the provider is about to answer the browser.
struct SsoLogin {
    std::string user_id;
    std::string client_redirect_url;  ///< where the client waits for its `loginToken`
    bool is_new_user = false;
    std::string auth_provider_id;
};

/// Runs on_user_login (type `m.login.sso`) and gives the browser's response: 403 and a page for a deactivated account; a
/// redirect for a client of `sso: client_whitelist`; else a page on which the user confirms where the login goes. Errors:
/// SynapseError 404 "No row found" for an unknown user, 400 `M_INVALID_PARAM` for a redirect URL that isn't absolute, or is a
/// script.
[[nodiscard]] async::task<modapi::Response> finish_sso_login(modapi::Database& database, const async::clock& clock,
                                                             const ServerName& server_name, const SsoSettings& sso_settings,
                                                             callbacks::AccountValidityDispatch& account_validity,
                                                             SsoLogin login);

}  // namespace homeserver
