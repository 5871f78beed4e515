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

/// A request as its connection has it.
struct ArrivedRequest {
    const modapi::Request& http;
    std::string_view raw_path;     ///< still percent-encoded
    Router::Match match;           ///< of the endpoints
    IncomingBody* body = nullptr;  ///< of an endpoint that takes it in parts
    /// What is sent in the place of the answer's body; null: that one is. Filled in by handle_request.
    std::unique_ptr<OutgoingBody> answered_with{};
};

/// Answers one request: the endpoint, else a web resource of `modules`, else an error. `modules`: null for none. What the match
/// has is taken out of `arrived`.
///
/// Every exception becomes a response but a cancellation, which leaves. What only waits for news ends with `waits`. The
/// references outlive the task.
[[nodiscard]] async::task<modapi::Response> handle_request(const BoundEndpoints& endpoints, modapi::ModuleHost* modules,
                                                           ArrivedRequest& arrived, async::cancellation_source& waits,
                                                           RequestSummary& summary);

}  // namespace homeserver
