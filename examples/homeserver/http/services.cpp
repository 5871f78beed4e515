#include "http/services.h"

#include <boost/core/demangle.hpp>

#include <algorithm>

namespace homeserver {

std::string ServiceKind::name() const {
    const std::string name = boost::core::demangle(type->name());
    return is_const ? "const " + name : name;
}

void* Services::find(const ServiceKind& kind) const noexcept {
    const auto found =
        std::find_if(offered_.begin(), offered_.end(), [&](const auto& offered) { return offered.first == kind; });
    return found == offered_.end() ? nullptr : found->second;
}

}  // namespace homeserver
