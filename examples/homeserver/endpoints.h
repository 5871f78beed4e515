#pragma once

#include "router.h"

namespace homeserver {

/// Everything this server serves.
void add_endpoints(Router& router);

}  // namespace homeserver
