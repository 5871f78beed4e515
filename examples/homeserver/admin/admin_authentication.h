#pragma once

#include "access/authentication.h"
#include "http/router.h"

#include <modapi/database.h>

#include <async/task.h>
#include <callbacks/users.h>

#include <functional>

namespace homeserver {

/// The server admin who makes this request. Errors: those of `Authentication::requester_of`; 403 `M_FORBIDDEN` "You are not a
/// server admin".
[[nodiscard]] async::task<callbacks::Requester> authenticate_admin(Authentication& authentication, modapi::Database& database,
                                                                   const RoutedRequest& request);

/// Throws as authenticate_admin does for a session that has ended since, or whose user is no admin any more. For the
/// transaction of what an admin asks for, when a module or something else that lasts was waited for.
[[nodiscard]] std::function<void(modapi::Transaction&)> while_admin(callbacks::Requester requester);

}  // namespace homeserver
