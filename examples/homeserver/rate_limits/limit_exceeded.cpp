#include "rate_limits/limit_exceeded.h"

#include <string>
#include <utility>

namespace homeserver {

namespace {

callbacks::JsonDict fields_of(std::chrono::milliseconds retry_after) {
    callbacks::JsonDict fields;
    fields["retry_after_ms"] = retry_after.count();
    return fields;
}

callbacks::SynapseError::Headers headers_of(std::chrono::milliseconds retry_after) {
    callbacks::SynapseError::Headers headers;
    headers.emplace_back("Retry-After", std::to_string(std::chrono::ceil<std::chrono::seconds>(retry_after).count()));
    return headers;
}

}  // namespace

LimitExceeded::LimitExceeded(std::chrono::milliseconds retry_after, std::string message)
    : SynapseError(429, std::move(message), std::string(callbacks::errcode_of(callbacks::Codes::LIMIT_EXCEEDED)),
                   fields_of(retry_after), headers_of(retry_after)) {}

}  // namespace homeserver
