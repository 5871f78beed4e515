#pragma once

#include <modapi/database.h>
#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/process_settings.h>

#include <memory>
#include <string>
#include <vector>

namespace modapi {

/// Makes this process one of those over a PostgreSQL database, as its configuration says: opens the bus, by which they wake each other,
/// takes the process's name, and the lease of background work if it can be had. Null on SQLite, where a process is alone. Blocks; before
/// the workers are made, which get it by WorkerGroupSettings::processes.
///
/// `version`: of the host; processes of different ones don't run together. Errors: ConfigurationError at the key it is about.
[[nodiscard]] std::unique_ptr<ProcessGroup> join_processes(Database& database, const DatabaseSettings& database_settings,
                                                           const ProcessSettings& settings, const ConfigurationFile& file,
                                                           const std::vector<ConfiguredModule>& modules,
                                                           const std::string& server_name, const std::string& version);

/// What processes compare of their lists of modules: equal for lists that are the same, whatever the order of keys in them.
[[nodiscard]] std::string digest_of(const std::vector<ConfiguredModule>& modules);

}  // namespace modapi
