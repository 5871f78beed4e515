#pragma once

#include <modapi/web_resource.h>

#include <async/context.h>

#include <exception>

namespace modapi {

/// Says in the log that a handler threw: `module NAME: GET /path: the web resource failed: ...`. Outside of WebResources::serve
/// there is no module to name.
void log_resource_failure(const async::context& here, const Request& request, const std::exception_ptr& failure);

}  // namespace modapi
