#pragma once

#include <modapi/hosting/decisions.h>
#include <modapi/hosting/request_trace.h>
#include <modapi/web_resource.h>

#include <string_view>

namespace modapi {

/// The header of an error response that says by which decision of a module it is one.
inline constexpr std::string_view decision_header = "X-Modapi-Decision";

/// Tells the client of an error which decision caused it, and the decision what the client gets, if a module denied what `work` did.
/// Before the response is sent; nothing for other responses, and where the answer hides that a module decided. Cost of an error that no
/// module caused: a look.
void name_decision(Response& response, const TracedWork& work, Decisions& decisions);

}  // namespace modapi
