#pragma once

#include <callbacks/codes.h>
#include <modapi/web_resource.h>

#include <string>

namespace homeserver {

/// A Matrix error outside of any endpoint.
[[nodiscard]] modapi::Response matrix_error(int status, const std::string& message, callbacks::Codes code);

}  // namespace homeserver
