#pragma once

#include "http/bound_endpoints.h"

#include <modapi/hosting/module_host.h>
#include <modapi/hosting/request_trace.h>

#include <async/cancellation.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

namespace homeserver {

/// What the log line of a request says beside the obvious.
struct RequestSummary {
    std::shared_ptr<const modapi::RequestTrace> trace;  ///< as it is known by everywhere
    std::string user;                                   ///< who was authenticated
    std::string module;                                 ///< whose web resource answered
    /// The endpoint that answers, which the router has; null: none does. Read from any thread.
    std::atomic<const Router::Added*> endpoint = nullptr;
};

/// Answers one request: the endpoint, else a web resource of `modules`, else an error. `modules`: null for none. `raw_path` is still
/// percent-encoded.
///
/// Every exception becomes a response but a cancellation, which leaves. What only waits for news ends with `waits`. The
/// references outlive the task.
[[nodiscard]] async::task<modapi::Response> handle_request(const BoundEndpoints& endpoints, modapi::ModuleHost* modules,
                                                           const modapi::Request& request, std::string_view raw_path,
                                                           async::cancellation_source& waits, RequestSummary& summary);

}  // namespace homeserver
