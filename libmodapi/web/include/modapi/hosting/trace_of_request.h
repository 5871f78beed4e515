#pragma once

#include <modapi/hosting/request_trace.h>
#include <modapi/web_resource.h>

#include <memory>

namespace modapi {

/// A request that a client sent, with an id of its own, in the trace that its headers `traceparent` and `tracestate` name. A new
/// trace begins where they name none or can't be taken for one, as `traceparent` more than once.
///
///     modapi::Cause cause;
///     cause.request = modapi::trace_of_request(request);
///     const modapi::CausedWork work(co_await async::this_context, cause);
///     co_await std::move(answering).in(work.here());
[[nodiscard]] std::shared_ptr<const RequestTrace> trace_of_request(const Request& request);

}  // namespace modapi
