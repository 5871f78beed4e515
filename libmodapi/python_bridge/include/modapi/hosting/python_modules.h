#pragma once

#include <modapi/hosting/module_loader.h>
#include <modapi/hosting/python_settings.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// Loads modules that are written in Python for the contract's server, as they were published, in processes of their own:
///
///     resolver.add_last_resort(std::make_shared<modapi::PythonModules>(settings, facts));
///
/// Each worker has a process for them, which starts with the first module that it builds; an entry with `process: own` has
/// another one for itself. parse_config runs while the configuration is read, in a process for that alone. A process that dies,
/// doesn't answer or grows too large is ended with all that it started, what was asked of it fails by the rules of each
/// callback, and it is started anew with all its modules.
///
/// Thread: as a ModuleLoader; what it has found is built on workers' threads. Lifetime: as long as instances of its modules,
/// which share it.
class PythonModules final : public ModuleLoader {
public:
    /// What modules are told while a configuration is read, before there are workers.
    struct Facts {
        std::string server_name;
        std::optional<std::string> public_baseurl;
    };

    /// Errors: callbacks::ConfigError for a folder, an interpreter or a user that isn't there, or root, with its key there;
    /// ModuleLoadError for what else keeps Python from being started.
    PythonModules(PythonSettings settings, Facts facts);
    ~PythonModules() override;

    [[nodiscard]] std::optional<FoundModule> find(std::string_view name) override;
    /// Knows the key `process` of an entry: `own`, for a process of its own.
    [[nodiscard]] std::optional<FoundModule> find_entry(std::string_view name, callbacks::JsonDict& further) override;
    [[nodiscard]] std::string missing(std::string_view name) const override;

    class State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace modapi
