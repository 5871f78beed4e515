#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/users.h>

#include <async/task.h>

namespace homeserver {

/// Who makes this request, an admin. Errors: those of authenticate, 403 `M_FORBIDDEN` "You are not a server admin".
[[nodiscard]] async::task<callbacks::Requester> authenticate_admin(ServerWorker& worker, const RoutedRequest& request);

/// Under /_synapse/admin: GET and POST v1/register, POST v1/deactivate/{user}, GET and PUT v2/users/{user}, DELETE
/// v1/rooms/{room}, and v1/background_updates/{status,enabled,start_job}.
void add_admin_endpoints(Router& router);

}  // namespace homeserver
