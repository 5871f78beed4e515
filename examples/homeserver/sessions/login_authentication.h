#pragma once

#include "process/server_worker.h"

#include <callbacks/auth_result.h>
#include <callbacks/json.h>

#include <async/task.h>

#include <string>

namespace homeserver {

/// Who a login request proves to be: modules' checkers first, then, for `m.login.password`, the server's own passwords.
///
/// Errors: SynapseError 400 for what is missing or unknown, 403 `M_FORBIDDEN` "Invalid username or password" when nobody
/// accepts; 403 `M_USER_DEACTIVATED` for a deactivated account that no module accepts.
[[nodiscard]] async::task<callbacks::AuthResult> authenticate_login(ServerWorker& worker, std::string login_type,
                                                                    callbacks::JsonDict body);

}  // namespace homeserver
