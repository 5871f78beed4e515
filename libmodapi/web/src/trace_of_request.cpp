#include <modapi/hosting/trace_of_request.h>

#include <boost/url/grammar/ci_string.hpp>

#include <string>

namespace modapi {

std::shared_ptr<const RequestTrace> trace_of_request(const Request& request) {
    using boost::urls::grammar::ci_is_equal;
    std::string traceparent;
    std::string tracestate;
    int named = 0;
    for (const auto& [name, value] : request.headers) {
        if (ci_is_equal(name, "traceparent")) {
            ++named;
            traceparent = value;
        } else if (ci_is_equal(name, "tracestate")) {
            // A list, which may come in several parts.
            if (!tracestate.empty()) tracestate += ',';
            tracestate += value;
        }
    }
    if (named > 1) traceparent.clear();
    return std::make_shared<const RequestTrace>(request.client_address, traceparent, tracestate);
}

}  // namespace modapi
