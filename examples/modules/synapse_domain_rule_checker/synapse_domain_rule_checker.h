#pragma once

#include <modapi/module_api.h>

#include <map>
#include <set>
#include <string>

/// Says by the servers' names who may invite whom, and whether joining needs an invite.
///
/// A port of `synapse_domain_rule_checker.DomainRuleChecker`: an operator's entry for it loads unchanged. Denials are
/// `M_FORBIDDEN`. A user's server is what follows the first colon of the id, the port included.
class DomainRuleChecker {
public:
    using Servers = std::set<std::string, std::less<>>;
    struct Config {
        bool can_invite_if_not_in_domain_mapping = false;            ///< for inviters whose server has no entry in the mapping
        std::map<std::string, Servers, std::less<>> domain_mapping;  ///< from a server to those that its users may invite
        bool can_only_join_rooms_with_invite = false;
        bool can_only_invite_during_room_creation = false;  ///< for local users
        bool can_invite_by_third_party_id = true;
        Servers domains_prevented_from_being_invited_to_published_rooms;
    };
    /// `can_invite_if_not_in_domain_mapping` is required.
    static Config parse_config(const modapi::ConfigSection& config);

    DomainRuleChecker(Config config, modapi::ModuleApi& api);

private:
    /// Errors: SynapseError 400 `M_INVALID_PARAM` for an inviter or invitee that is no user id.
    async::task<callbacks::Verdict> user_may_invite(const std::string& inviter, const std::string& invitee,
                                                    const std::string& room_id);
    async::task<callbacks::Verdict> user_may_send_3pid_invite(const std::string& inviter, const std::string& medium,
                                                              const std::string& address, const std::string& room_id);
    callbacks::Verdict user_may_join_room(const std::string& user, const std::string& room, bool is_invited);

    /// False if the inviter may only invite while the room is created, and it isn't any more.
    async::task<bool> is_in_time(const std::string& inviter, const std::string& room_id);
    [[nodiscard]] bool mapping_allows(const callbacks::UserID& inviter, const callbacks::UserID& invitee) const;

    Config config_;
    modapi::ModuleApi& api_;
};
