#pragma once

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/placement.h>

#include <callbacks/json.h>

#include <string>

namespace modapi {

/// Reads the `run_on` of an entry, which `place` leads to: `all`, `background`, the name of a process or a list of them.
/// Everywhere, if it says nothing. Errors: ConfigurationError.
[[nodiscard]] Placement read_placement(const ConfigurationFile& file, const ConfigurationPath& place,
                                       const callbacks::JsonDict& entry, const std::string& module);

}  // namespace modapi
