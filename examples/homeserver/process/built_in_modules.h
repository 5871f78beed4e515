#pragma once

#include "process/server_configuration.h"

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_resolver.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// The section at the top level of the file that configures a module of the server's own, which accepts invites for local
/// users:
/// `{enabled, only_for_direct_messages, only_from_local_users, worker_to_run_on}`.
inline constexpr std::string_view auto_accept_invites_key = "auto_accept_invites";

/// Its keys.
[[nodiscard]] const std::set<std::string_view>& auto_accept_invites_keys();

/// The workers that a section can name.
struct KnownWorkers {
    std::vector<std::string> names;  ///< of this process
    bool are_all = true;             ///< no other process can be over the same database
};
[[nodiscard]] KnownWorkers known_workers(const ServerConfiguration& served);

/// Makes the server's own modules known by the names of their sections. Once.
void add_built_in_modules(modapi::ModuleResolver& resolver);

/// All that `modules:` lists, in its order, and behind them the server's own modules whose sections are `enabled`. What is
/// wrong in a section that isn't is found as well. Errors and `warn` as of modapi::configure_modules; a worker that isn't among
/// `workers` is an error if these are all, and else a warning. Unknown keys are the affair of read_server_configuration.
[[nodiscard]] std::vector<modapi::ConfiguredModule> configure_all_modules(const modapi::ConfigurationFile& file,
                                                                          modapi::ModuleResolver& resolver,
                                                                          const KnownWorkers& workers,
                                                                          const std::function<void(const std::string&)>& warn);

}  // namespace homeserver
