#pragma once

#include "../router.h"
#include "../server_worker.h"

#include <async/task.h>

#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// What the `Authorization` header of another server's request says (specification, "Request Authentication").
struct XMatrix {
    std::string origin;
    std::optional<std::string> destination;
    std::string key_id;
    std::string signature;
};

/// Reads `X-Matrix origin="a",destination="b",key="ed25519:1",sig="..."`; values with or without quotes, in any order. None for
/// anything else. Pure.
[[nodiscard]] std::optional<XMatrix> parse_x_matrix(std::string_view header);

/// Which server makes this request: its signature over method, target and body is checked, off the worker's thread.
///
/// Errors: SynapseError 401 `M_UNAUTHORIZED` for what isn't signed by a key of `federation_verify_keys`; 400 for a body that is
/// no canonical JSON object.
[[nodiscard]] async::task<std::string> authenticate_server(ServerWorker& worker, const RoutedRequest& request);

}  // namespace homeserver
