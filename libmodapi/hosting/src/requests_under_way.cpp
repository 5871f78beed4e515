#include "requests_under_way.h"

#include <modapi/hosting/log.h>
#include <modapi/request_target.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <functional>

namespace modapi {

RequestsUnderWay::Place::Place(RequestsUnderWay& all, std::string_view module, const Request& request, std::size_t most)
    : of_module_(all.modules_.try_emplace(std::string(module)).first->second),
      most_(most),
      is_free_(most == 0 || of_module_.answered < most) {
    if (is_free_) {
        ++of_module_.answered;
    } else if (!of_module_.is_full) {
        of_module_.is_full = true;
        framework_log().warn("module {}: its web resources are answering {} requests already: {} {} is answered 503, and so is "
                             "what comes until one of them has ended (web_resource_requests)",
                             module, most, request.method, split_target(request.target).path);
    }
}

RequestsUnderWay::Place::~Place() {
    if (!is_free_) return;
    --of_module_.answered;
    if (of_module_.answered <= most_ / 2) of_module_.is_full = false;
}

Response refused_for_now() {
    const callbacks::SynapseError error(503, "This page is asked for too often right now");
    Response response = json_response(error.status(), error.body());
    response.headers.emplace_back("Retry-After", "1");
    return response;
}

}  // namespace modapi
