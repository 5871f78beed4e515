#pragma once

#include "http/router.h"

namespace homeserver {

/// GET /_matrix/key/v2/server: this server's public key, signed by itself.
void add_server_key_endpoint(Router& router);

}  // namespace homeserver
