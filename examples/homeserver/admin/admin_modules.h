#pragma once

#include "http/router.h"

namespace homeserver {

/// What the modules of all workers registered, did and cost: `/_synapse/admin/v1/modules`.
void add_module_endpoints(Router& router);

}  // namespace homeserver
