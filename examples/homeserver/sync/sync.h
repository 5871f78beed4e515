#pragma once

#include "http/router.h"

namespace homeserver {

/// GET /sync: initial, incremental, and waiting for news up to `timeout` milliseconds.
void add_sync_endpoint(Router& router);

}  // namespace homeserver
