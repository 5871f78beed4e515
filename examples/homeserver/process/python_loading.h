#pragma once

#include "process/server_configuration.h"

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_resolver.h>

namespace homeserver {

/// Has modules that are written in Python found, where the section `python:` wants that; where it doesn't, what can't be found
/// is told with how to. Once. Errors: modapi::ConfigurationError about the section.
void add_python_modules(modapi::ModuleResolver& resolver, const modapi::ConfigurationFile& file,
                        const ServerConfiguration& configuration);

}  // namespace homeserver
