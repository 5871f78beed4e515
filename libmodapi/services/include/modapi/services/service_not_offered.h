#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace modapi {

/// A module asked for something that this host has no implementation of. what(): "this host does not offer NAME".
class ServiceNotOffered : public std::logic_error {
public:
    explicit ServiceNotOffered(std::string_view service)
        : std::logic_error("this host does not offer " + std::string(service)) {}
};

}  // namespace modapi
