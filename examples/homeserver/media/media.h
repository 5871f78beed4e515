#pragma once

#include "http/router.h"

namespace homeserver {

/// POST /_matrix/media/v3/upload, GET /_matrix/media/v3/download/{server}/{media} with or without a file name, GET .../config;
/// the same under r0. GET /_matrix/client/v1/media/config. POST /_matrix/media/v1/create, which gives an id away, and PUT
/// /_matrix/media/v3/upload/{server}/{media}, which uploads it later. Files lie in `media_store_path`.
void add_media_endpoints(Router& router);

}  // namespace homeserver
