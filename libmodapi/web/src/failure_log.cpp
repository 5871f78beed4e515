#include "failure_log.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/request_trace.h>
#include <modapi/request_target.h>

#include <callbacks/errors.h>

#include <async/callback_frame.h>

#include <spdlog/spdlog.h>

namespace modapi {

void log_resource_failure(const async::context& here, const Request& request, const std::exception_ptr& failure) {
    const async::callback_identity* const served = async::running_callback(here);
    const std::string module = served != nullptr ? "module " + served->module + ": " : std::string();
    // As it was sent: in what is decoded a line can end.
    const std::string_view path = request.target.empty() ? std::string_view(request.path) : split_target(request.target).path;
    framework_log().error("{}{} {}: the web resource failed: {}{}", module, request.method, path,
                          callbacks::message_of(failure), request_in_log(trace_of(here).get()));
}

}  // namespace modapi
