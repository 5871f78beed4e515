#pragma once

#include "http/router.h"

namespace homeserver {

/// What other servers may ask of this one. It asks nothing of them.
void add_federation_endpoints(Router& router);

}  // namespace homeserver
