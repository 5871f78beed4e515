#include "process/built_in_modules.h"

#include "synapse_auto_accept_invite.h"

#include <modapi/config_section.h>
#include <modapi/hosting/process_name.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace homeserver {

namespace {

constexpr const char* worker_key = "worker_to_run_on";

/// The published module, with the keys that the section of the contract's server has.
class AutoAcceptInvites : public InviteAutoAccepter {
public:
    static Config parse_config(const modapi::ConfigSection& config) {
        static_cast<void>(config.value_or("enabled", false));
        Config parsed;
        parsed.accept_invites_only_for_direct_messages = config.value_or("only_for_direct_messages", false);
        parsed.accept_invites_only_from_local_users = config.value_or("only_from_local_users", false);
        parsed.worker_to_run_on = config.optional<std::string>(worker_key);
        if (!parsed.worker_to_run_on) return parsed;
        const std::string refusal = modapi::refusal_of_process_name(*parsed.worker_to_run_on);
        if (!refusal.empty()) config.fail(worker_key, refusal);
        // The main one has no name of its own.
        if (*parsed.worker_to_run_on == modapi::main_process) parsed.worker_to_run_on.reset();
        return parsed;
    }

    using InviteAutoAccepter::InviteAutoAccepter;
};

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most_listed = 4;
    if (names.size() > most_listed) return names[0] + ", " + names[1] + " to " + names.back();
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

/// A worker that isn't there accepts nothing, and nobody else does.
void require_worker(const modapi::ConfigurationFile& file, const modapi::ConfiguredModule& accepting,
                    const KnownWorkers& workers, const std::function<void(const std::string&)>& warn) {
    const auto name = modapi::ConfigSection(file.root()).section(accepting.name).optional<std::string>(worker_key);
    if (!name || *name == modapi::main_process) return;
    if (std::find(workers.names.begin(), workers.names.end(), *name) != workers.names.end()) return;
    const std::string there_are = listed(workers.names);
    if (workers.are_all)
        accepting.fail({worker_key}, "there is no worker " + *name + " to accept invites; the workers are " + there_are);
    warn(file.describe({accepting.name, worker_key}, "this process has no worker " + *name + ", only " + there_are +
                                                         ": invites are accepted while another process has it"));
}

bool is_enabled(const modapi::ConfigurationFile& file) {
    return modapi::ConfigSection(file.root()).section(auto_accept_invites_key).value_or("enabled", false);
}

}  // namespace

const std::set<std::string_view>& auto_accept_invites_keys() {
    static const std::set<std::string_view> keys = {"enabled", "only_for_direct_messages", "only_from_local_users", worker_key};
    return keys;
}

KnownWorkers known_workers(const ServerConfiguration& served) {
    // As modapi::WorkerGroupSettings says that they are called.
    const std::optional<std::string>& process = served.process.worker_name;
    KnownWorkers workers;
    workers.are_all = !served.database.is_postgresql();
    workers.names.push_back(process.value_or(std::string(modapi::main_process)));
    for (int index = 1; index < served.workers; ++index)
        workers.names.push_back((process ? *process + "-" : std::string("worker")) + std::to_string(index));
    return workers;
}

void add_built_in_modules(modapi::ModuleResolver& resolver) {
    resolver.add<AutoAcceptInvites>(std::string(auto_accept_invites_key));
}

std::vector<modapi::ConfiguredModule> configure_all_modules(const modapi::ConfigurationFile& file,
                                                            modapi::ModuleResolver& resolver, const KnownWorkers& workers,
                                                            const std::function<void(const std::string&)>& warn) {
    std::vector<modapi::ConfiguredModule> modules = modapi::configure_modules(file, resolver, warn);
    // Everywhere: which worker it is that accepts, by its name, the module finds out itself.
    modapi::ConfiguredModule accepting = modapi::configure_section(file, std::string(auto_accept_invites_key), resolver);
    require_worker(file, accepting, workers, warn);
    if (is_enabled(file)) modules.push_back(std::move(accepting));
    return modules;
}

}  // namespace homeserver
