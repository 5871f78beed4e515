#pragma once

#include "http/router.h"

namespace homeserver {

/// POST /user_directory/search.
void add_user_directory_endpoint(Router& router);

}  // namespace homeserver
