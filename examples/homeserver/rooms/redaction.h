#pragma once

#include "http/router.h"

namespace homeserver {

/// PUT /rooms/{room}/redact/{event}/{transaction}.
void add_redaction_endpoint(Router& router);

}  // namespace homeserver
