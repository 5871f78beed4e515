#pragma once

#include <modapi/hosting/module_rules.h>

#include <async/observation.h>

#include <memory>
#include <string>
#include <vector>

namespace async {
class cached_function;
}

namespace modapi {

/// What one entry of the configuration registered by its ModuleApi, for who asks what it does.
struct ModuleRegistrations {
    ModuleRegistrations(std::string module_name, int entry);

    std::string module;  ///< its name in the configuration
    /// What workers call it among themselves. A module that is listed more than once has a name for each entry: `module name`,
    /// `module name#2`, ...
    std::string name_among_workers;
    std::vector<const async::callback_identity*> callbacks;
    std::vector<std::string> web_resources;
    std::vector<const async::cached_function*> cached_functions;
    std::unique_ptr<ModuleLimits> limits;  ///< of its callbacks; null: the operator says nothing of them
    async::callback_identity background;   ///< whose code is on the stack during a background call

    /// What workers call one of its cached functions among themselves: `module name.function name`.
    [[nodiscard]] std::string name_of(const async::cached_function& function) const;
    /// The names of its callbacks, each once, in the order of their first registration.
    [[nodiscard]] std::vector<std::string> callback_names() const;
};

}  // namespace modapi
