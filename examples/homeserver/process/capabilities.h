#pragma once

#include "http/router.h"

namespace homeserver {

/// GET /_matrix/client/versions and /capabilities: what this server can do.
void add_capability_endpoints(Router& router);

}  // namespace homeserver
