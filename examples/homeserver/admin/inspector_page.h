#pragma once

#include "http/router.h"

namespace homeserver {

/// The page on which admins watch the modules, `GET /_synapse/admin/modules/`, for anybody: its data are for admins.
void add_inspector_page(Router& router);

}  // namespace homeserver
