#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <async/task.h>

#include <string>

namespace homeserver {

/// Which server makes this request: its signature over method, target and body is checked, off the worker's thread.
///
/// Errors: SynapseError 401 `M_UNAUTHORIZED` for what isn't signed by a key of `federation_verify_keys`; 400 for a body that is
/// no canonical JSON object.
[[nodiscard]] async::task<std::string> authenticate_server(ServerWorker& worker, const RoutedRequest& request);

}  // namespace homeserver
