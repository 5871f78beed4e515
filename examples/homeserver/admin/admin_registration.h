#pragma once

#include "http/router.h"

namespace homeserver {

/// GET and POST /_synapse/admin/v1/register: accounts made by whoever knows `registration_shared_secret`.
void add_admin_registration_endpoints(Router& router);

}  // namespace homeserver
