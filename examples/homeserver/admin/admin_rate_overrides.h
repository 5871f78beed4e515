#pragma once

#include "http/router.h"

namespace homeserver {

/// GET, POST and DELETE `/_synapse/admin/v1/users/{user_id}/override_ratelimit`.
void add_rate_override_endpoints(Router& router);

}  // namespace homeserver
