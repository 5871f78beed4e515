#pragma once

#include <callbacks/errors.h>

#include <chrono>
#include <string>

namespace homeserver {

/// Somebody does something more often than a limit says: 429 `M_LIMIT_EXCEEDED` "Too Many Requests", with `retry_after_ms` in
/// the body, and the same in whole seconds as `Retry-After`.
class LimitExceeded : public callbacks::SynapseError {
public:
    explicit LimitExceeded(std::chrono::milliseconds retry_after, std::string message = "Too Many Requests");
};

}  // namespace homeserver
