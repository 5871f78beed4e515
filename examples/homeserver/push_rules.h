#pragma once

#include "router.h"

#include <callbacks/json.h>

namespace homeserver {

/// The rules of every user: none in any of the five kinds, since this server pushes nothing.
[[nodiscard]] callbacks::JsonDict push_rules();

/// GET /pushrules/ and /pushrules/global/.
void add_push_rule_endpoints(Router& router);

}  // namespace homeserver
