#include "process/built_in_modules.h"

#include "synapse_auto_accept_invite.h"

#include <modapi/config_section.h>
#include <modapi/hosting/process_name.h>

#include <utility>

namespace homeserver {

namespace {

/// The published module, with the keys that the section of the contract's server has.
class AutoAcceptInvites : public InviteAutoAccepter {
public:
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"enabled", "only_for_direct_messages", "only_from_local_users", "worker_to_run_on"});
        static_cast<void>(config.value_or("enabled", false));
        Config parsed;
        parsed.accept_invites_only_for_direct_messages = config.value_or("only_for_direct_messages", false);
        parsed.accept_invites_only_from_local_users = config.value_or("only_from_local_users", false);
        parsed.worker_to_run_on = config.optional<std::string>("worker_to_run_on");
        if (!parsed.worker_to_run_on) return parsed;
        const std::string refusal = modapi::refusal_of_process_name(*parsed.worker_to_run_on);
        if (!refusal.empty()) config.fail("worker_to_run_on", refusal);
        // The main one has no name of its own.
        if (*parsed.worker_to_run_on == modapi::main_process) parsed.worker_to_run_on.reset();
        return parsed;
    }

    using InviteAutoAccepter::InviteAutoAccepter;
};

bool is_enabled(const modapi::ConfigurationFile& file) {
    return modapi::ConfigSection(file.root()).section(auto_accept_invites_key).value_or("enabled", false);
}

}  // namespace

void add_built_in_modules(modapi::ModuleResolver& resolver) {
    resolver.add<AutoAcceptInvites>(std::string(auto_accept_invites_key));
}

std::vector<modapi::ConfiguredModule> configure_all_modules(const modapi::ConfigurationFile& file,
                                                            modapi::ModuleResolver& resolver,
                                                            const std::function<void(const std::string&)>& warn) {
    std::vector<modapi::ConfiguredModule> modules = modapi::configure_modules(file, resolver, warn);
    // Everywhere: which worker it is that accepts, by its name, the module finds out itself.
    modapi::ConfiguredModule accepting = modapi::configure_section(file, std::string(auto_accept_invites_key), resolver);
    if (is_enabled(file)) modules.push_back(std::move(accepting));
    return modules;
}

}  // namespace homeserver
