#include "http_request.h"

#include <boost/url/grammar/ci_string.hpp>

#include <algorithm>

namespace modapi {

bool HttpRequest::has_header(std::string_view name) const {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& header) { return lower_case(header.first) == name; });
}

std::ostream* output_for(const HttpRequest& request, int status, std::string_view content_type) {
    if (!request.file || !is_success(status)) return nullptr;
    if (request.file->is_allowed_content_type && !request.file->is_allowed_content_type(content_type)) {
        throw callbacks::SynapseError(
            502, "Requested file's content type not allowed for this operation: " + std::string(content_type));
    }
    return request.file->output;
}

void refuse_size(const HttpUrl& url, const HttpRequest& request) {
    const std::string limit = std::to_string(request.max_answer.value_or(0)) + " bytes";
    if (request.file) {
        throw callbacks::SynapseError(502, "Requested file is too large > " + limit, callbacks::Codes::TOO_LARGE);
    }
    throw HttpFormatError("the answer of " + url.host + " is larger than " + limit);
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), &boost::urls::grammar::to_lower);
    return lower;
}

}  // namespace modapi
