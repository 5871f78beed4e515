#pragma once

#include "http/router.h"

namespace homeserver {

/// Everything this server serves.
void add_endpoints(Router& router);

}  // namespace homeserver
