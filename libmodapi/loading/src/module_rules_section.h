#pragma once

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_rules.h>

#include <callbacks/json.h>

#include <memory>
#include <string>

namespace modapi {

/// Reads the `callbacks:` of an entry, which `place` leads to; null: there are none, or they say nothing. Errors:
/// ConfigurationError, one for everything that isn't as libmodapi/docs/rules.md has it.
[[nodiscard]] std::shared_ptr<const ModuleRules> read_module_rules(const ConfigurationFile& file,
                                                                   const ConfigurationPath& place,
                                                                   const callbacks::JsonDict& entry, const std::string& module);

}  // namespace modapi
