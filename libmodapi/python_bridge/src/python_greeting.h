#pragma once

#include <modapi/hosting/python_modules.h>
#include <modapi/hosting/python_settings.h>

#include <callbacks/json.h>

#include <filesystem>

namespace modapi {

class ModuleApi;

/// What a worker's process is told first.
[[nodiscard]] callbacks::JsonDict greeting_of(const PythonSettings& settings, const std::filesystem::path& directory,
                                              ModuleApi& api);
/// Likewise one that only reads configurations, before there are workers.
[[nodiscard]] callbacks::JsonDict greeting_of(const PythonSettings& settings, const std::filesystem::path& directory,
                                              const PythonModules::Facts& facts);

}  // namespace modapi
