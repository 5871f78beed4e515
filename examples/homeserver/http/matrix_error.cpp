#include "http/matrix_error.h"

#include <callbacks/errors.h>

namespace homeserver {

modapi::Response matrix_error(int status, const std::string& message, callbacks::Codes code) {
    const callbacks::SynapseError error(status, message, code);
    return modapi::json_response(error.status(), error.body());
}

}  // namespace homeserver
