#pragma once

#include "access/authentication.h"
#include "http/router.h"

#include <modapi/database.h>

#include <async/task.h>
#include <callbacks/users.h>

namespace homeserver {

/// The server admin who makes this request. Errors: those of `Authentication::requester_of`; 403 `M_FORBIDDEN` "You are not a
/// server admin".
[[nodiscard]] async::task<callbacks::Requester> authenticate_admin(Authentication& authentication, modapi::Database& database,
                                                                   const RoutedRequest& request);

}  // namespace homeserver
