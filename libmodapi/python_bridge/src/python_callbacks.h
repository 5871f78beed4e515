#pragma once

#include "python_calls.h"

#include <modapi/module_api.h>

#include <callbacks/json.h>

#include <memory>

namespace modapi {

/// The callbacks that the host calls, as the greeting lists them: `[{category, name, arguments, least}]`, from their
/// declarations.
[[nodiscard]] callbacks::JsonArray declared_callbacks();

/// Registers what a module has registered in its process (`construct`'s list `callbacks`), with callables that ask `calls`.
/// Errors: RegistrationError; callbacks::ConfigError for a list that isn't as the protocol says.
void register_python_callbacks(ModuleApi& api, const callbacks::JsonArray& registered,
                               const std::shared_ptr<PythonCalls>& calls);

}  // namespace modapi
