#pragma once

#include "http/router.h"

namespace homeserver {

/// POST /_matrix/media/v3/upload, GET /_matrix/media/v3/download/{server}/{media} with or without a file name, GET .../config;
/// the same under r0. Files lie in `media_store_path`.
void add_media_endpoints(Router& router);

}  // namespace homeserver
