#pragma once

#include "http/router.h"

namespace homeserver {

/// POST /register and GET /register/available.
void add_registration_endpoints(Router& router);

}  // namespace homeserver
