#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace homeserver {

/// Whether who is logged in may get a token for another device's login (POST /login/get_token).
struct LoginViaExistingSession {
    bool enabled = false;
    bool require_ui_auth = true;
    std::int64_t token_timeout_ms = 5 * 60 * 1000;
};

/// Logins that authentication providers vouch for.
struct SsoSettings {
    std::vector<std::string> client_whitelist;  ///< beginnings of the URLs of clients that get a login token unasked
};

}  // namespace homeserver
