#pragma once

#include "http/router.h"

namespace homeserver {

/// GET /_synapse/admin/v1/modules/decisions: what modules decided, the newest first.
void add_decision_endpoints(Router& router);

}  // namespace homeserver
