#pragma once

#include "federation/verify_keys.h"
#include "http/host_pool.h"
#include "http/router.h"
#include "text/server_name.h"

#include <async/task.h>

#include <string>

namespace homeserver {

/// Which server makes a request of another server.
class ServerAuthentication {
public:
    ServerAuthentication(const ServerName& server_name, const VerifyKeys& verify_keys, const HostPool& host_pool) noexcept
        : server_name_(server_name), verify_keys_(verify_keys), host_pool_(host_pool) {}

    /// Which server makes this request: its signature over method, target and body is checked, off the worker's thread.
    ///
    /// Errors: SynapseError 401 `M_UNAUTHORIZED` for what isn't signed by a key of `federation_verify_keys`; 400 for a body
    /// that is no canonical JSON object.
    [[nodiscard]] async::task<std::string> origin_of(const RoutedRequest& request);

private:
    const ServerName& server_name_;
    const VerifyKeys& verify_keys_;
    const HostPool& host_pool_;
};

}  // namespace homeserver
