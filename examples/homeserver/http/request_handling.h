#pragma once

#include "http/bound_endpoints.h"

#include <modapi/hosting/module_host.h>

#include <string>
#include <string_view>

namespace homeserver {

/// What the log line of a request says beside the obvious.
struct RequestSummary {
    std::string user;    ///< who was authenticated
    std::string module;  ///< whose web resource answered
};

/// Answers one request: the endpoint, else a module's web resource, else an error. `raw_path` is still percent-encoded.
///
/// Every exception becomes a response but a cancellation, which leaves. `request` and `summary` outlive the task.
[[nodiscard]] async::task<modapi::Response> handle_request(const BoundEndpoints& endpoints, modapi::ModuleHost& modules,
                                                           const modapi::Request& request, std::string_view raw_path,
                                                           RequestSummary& summary);

/// A Matrix error outside of any endpoint.
[[nodiscard]] modapi::Response matrix_error(int status, const std::string& message, callbacks::Codes code);

}  // namespace homeserver
