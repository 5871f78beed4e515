#pragma once

#include "http/router.h"

#include <modapi/database.h>

#include <callbacks/users.h>

#include <async/clock.h>
#include <async/task.h>

#include <cstdint>
#include <optional>
#include <string>

namespace homeserver {

/// For whom a token is that logs in once, by `m.login.token`.
struct LoginToken {
    std::string user_id;
    std::int64_t duration_ms = 120'000;
    std::optional<std::string> auth_provider_id;
    std::optional<std::string> auth_provider_session_id;
};

/// A login token, `syl_…`; nobody guesses it, and it is good for one login within its duration. `requester` is the user whose
/// session asks for it; none: a module does. Errors: SynapseError 404 "No row found", 403 `M_USER_DEACTIVATED` for an account
/// that nobody may use, 401 `M_UNKNOWN_TOKEN` for a session that has ended meanwhile.
[[nodiscard]] async::task<std::string> create_login_token(modapi::Database& database, const async::clock& clock,
                                                          LoginToken token, std::optional<callbacks::Requester> requester);

/// Whose token this is; from now on it is nobody's. Errors: SynapseError 403 `M_FORBIDDEN` "Invalid login token" for one that
/// is unknown, used or too old.
[[nodiscard]] async::task<LoginToken> use_login_token(modapi::Database& database, const async::clock& clock, std::string token);

/// POST /_matrix/client/v1/login/get_token, where `login_via_existing_session` allows it.
void add_login_token_endpoint(Router& router);

}  // namespace homeserver
