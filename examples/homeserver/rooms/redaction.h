#pragma once

#include "../router.h"

namespace homeserver {

/// PUT /rooms/{room}/redact/{event}/{transaction}.
void add_redaction_endpoint(Router& router);

}  // namespace homeserver
