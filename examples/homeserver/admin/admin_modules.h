#pragma once

#include "http/router.h"

namespace homeserver {

/// What the modules of all workers registered, did and cost, `/_synapse/admin/v1/modules`, and what an admin changes of how far they
/// are trusted.
void add_module_endpoints(Router& router);

}  // namespace homeserver
