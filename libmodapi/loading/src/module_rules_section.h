#pragma once

#include <modapi/config_section.h>
#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_rules.h>

#include <callbacks/json.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// Reads the `callbacks:` of an entry, which `place` leads to; null: there are none, or they say nothing. Errors:
/// ConfigurationError, one for everything that isn't as libmodapi/docs/rules.md has it.
[[nodiscard]] std::shared_ptr<const ModuleRules> read_module_rules(const ConfigurationFile& file,
                                                                   const ConfigurationPath& place,
                                                                   const callbacks::JsonDict& entry, const std::string& module);

/// The `mode` and the `share` of a section; it says by has_own_mode and has_own_share which of them are there. Errors:
/// callbacks::ConfigError.
[[nodiscard]] CallbackRule read_mode_and_share(const ConfigSection& section);

/// Neither all of the calls nor none of them.
[[nodiscard]] bool is_part(std::uint32_t share) noexcept;
/// Why these callbacks can't have shadow mode, or a share that is neither all nor nothing, and which ones can.
[[nodiscard]] std::string refusal_of_shadow(const std::vector<std::string_view>& callbacks);
[[nodiscard]] std::string refusal_of_part(const std::vector<std::string_view>& callbacks);

}  // namespace modapi
