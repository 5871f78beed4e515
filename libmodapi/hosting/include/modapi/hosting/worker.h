#pragma once

// Stands in <modapi/hosting/module_host.h> now, where the class is called ModuleHost.
#include <modapi/hosting/module_host.h>

namespace modapi {

/// The former name.
using Worker [[deprecated("modapi::ModuleHost")]] = ModuleHost;

}  // namespace modapi
