#pragma once

#include "http/router.h"

namespace homeserver {

/// /account/3pid: the addresses of an account, listed, added and taken away.
void add_account_third_party_id_endpoints(Router& router);

}  // namespace homeserver
