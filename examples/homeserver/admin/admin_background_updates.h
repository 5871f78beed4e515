#pragma once

#include "http/router.h"

namespace homeserver {

/// Under /_synapse/admin/v1/background_updates, for admins: GET status, GET and POST enabled, POST start_job.
void add_background_update_endpoints(Router& router);

}  // namespace homeserver
