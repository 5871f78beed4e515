#pragma once

#include "process/built_in_modules.h"

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_resolver.h>

#include <filesystem>
#include <vector>

namespace homeserver {

/// Reads the modules of the configuration's files again, for a server that serves.
///
/// The rest of them is checked as at the start, and takes a restart: what of it has changed since then is a warning that names the
/// keys. Thread: one at a time. Lifetime: what it is made from outlives it.
class ModuleReading {
public:
    /// `served`: what the server was started with, of `files`; `module_path`: where modules are if these don't say it;
    /// `workers`: those that serve.
    ModuleReading(const modapi::ConfigurationFile& served, std::vector<std::filesystem::path> files,
                  std::filesystem::path module_path, KnownWorkers workers, modapi::ModuleResolver& resolver);

    /// Errors: ConfigurationError, in the words of the start.
    [[nodiscard]] std::vector<modapi::ConfiguredModule> read() const;

private:
    void warn_of_other_changes(const modapi::ConfigurationFile& next) const;

    const modapi::ConfigurationFile& served_;
    std::vector<std::filesystem::path> files_;
    std::filesystem::path module_path_;
    KnownWorkers workers_;
    modapi::ModuleResolver& resolver_;
};

}  // namespace homeserver
