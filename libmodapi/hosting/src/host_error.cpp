#include <modapi/hosting/host_error.h>

#include <utility>

namespace modapi {

HostError::HostError(const std::string& line, Place place, std::exception_ptr cause)
    : std::runtime_error(line), place_(std::make_shared<const Place>(std::move(place))), cause_(std::move(cause)) {}

}  // namespace modapi
