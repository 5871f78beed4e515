#pragma once

#include "http/router.h"

namespace homeserver {

/// GET and POST /login.
void add_login_endpoints(Router& router);

}  // namespace homeserver
