#pragma once

#include "http/router.h"

namespace homeserver {

/// Under /_synapse/admin: GET and POST v1/register, POST v1/deactivate/{user}, GET and PUT v2/users/{user}, DELETE
/// v1/rooms/{room}, and v1/background_updates/{status,enabled,start_job}.
void add_admin_endpoints(Router& router);

}  // namespace homeserver
