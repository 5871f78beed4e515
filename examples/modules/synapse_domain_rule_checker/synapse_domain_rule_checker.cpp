#include "synapse_domain_rule_checker.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace {

DomainRuleChecker::Servers servers_at(const modapi::ConfigSection& config, std::string_view key) {
    const std::vector<std::string> listed = config.value_or(key, std::vector<std::string>());
    return DomainRuleChecker::Servers(listed.begin(), listed.end());
}

/// Whether nobody but the room's creator has done more than be invited. False for a room whose creation isn't known here.
bool looks_new(const callbacks::StateMap& state) {
    const callbacks::Event* const create = state.find("m.room.create");
    if (create == nullptr) return false;
    const std::string& creator = create->sender();
    return std::none_of(state.begin(), state.end(), [&](const auto& entry) {
        const callbacks::Event& event = entry.second;
        return event.type() == "m.room.member" && event.state_key() != creator && event.sender() != creator &&
               event.membership() != "invite";
    });
}

}  // namespace

DomainRuleChecker::Config DomainRuleChecker::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys({"can_invite_if_not_in_domain_mapping", "domain_mapping", "can_only_join_rooms_with_invite",
                                "can_only_invite_during_room_creation", "can_invite_by_third_party_id",
                                "domains_prevented_from_being_invited_to_published_rooms"});
    Config parsed;
    parsed.can_invite_if_not_in_domain_mapping = config.required<bool>("can_invite_if_not_in_domain_mapping");
    const modapi::ConfigSection mapping = config.section("domain_mapping");
    for (const auto& entry : mapping.values()) {
        const std::vector<std::string> invitable = mapping.required<std::vector<std::string>>(entry.key());
        parsed.domain_mapping[std::string(entry.key())] = Servers(invitable.begin(), invitable.end());
    }
    parsed.can_only_join_rooms_with_invite = config.value_or("can_only_join_rooms_with_invite", false);
    parsed.can_only_invite_during_room_creation = config.value_or("can_only_invite_during_room_creation", false);
    parsed.can_invite_by_third_party_id = config.value_or("can_invite_by_third_party_id", true);
    parsed.domains_prevented_from_being_invited_to_published_rooms =
        servers_at(config, "domains_prevented_from_being_invited_to_published_rooms");
    return parsed;
}

DomainRuleChecker::DomainRuleChecker(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
    api.register_spam_checker_callbacks(
        {.user_may_join_room = async::bind<&DomainRuleChecker::user_may_join_room>(this),
         .user_may_invite = async::bind<&DomainRuleChecker::user_may_invite>(this),
         .user_may_send_3pid_invite = async::bind<&DomainRuleChecker::user_may_send_3pid_invite>(this)});
}

async::task<callbacks::Verdict> DomainRuleChecker::user_may_invite(const std::string& inviter, const std::string& invitee,
                                                                   const std::string& room_id) {
    const callbacks::UserID from(inviter);
    const callbacks::UserID to(invitee);
    const bool in_time = co_await is_in_time(inviter, room_id);
    if (!in_time) co_return callbacks::Codes::FORBIDDEN;
    if (config_.domains_prevented_from_being_invited_to_published_rooms.contains(to.domain())) {
        const bool is_published = co_await api_.public_room_list_manager().room_is_in_public_room_list(room_id);
        if (is_published) co_return callbacks::Codes::FORBIDDEN;
    }
    co_return callbacks::allowed_if(mapping_allows(from, to));
}

async::task<callbacks::Verdict> DomainRuleChecker::user_may_send_3pid_invite(const std::string& inviter, const std::string&,
                                                                             const std::string&, const std::string& room_id) {
    const bool in_time = co_await is_in_time(inviter, room_id);
    // An address has no server to look up in the mapping.
    co_return callbacks::allowed_if(in_time && config_.can_invite_by_third_party_id);
}

callbacks::Verdict DomainRuleChecker::user_may_join_room(const std::string&, const std::string&, bool is_invited) {
    return callbacks::allowed_if(is_invited || !config_.can_only_join_rooms_with_invite);
}

async::task<bool> DomainRuleChecker::is_in_time(const std::string& inviter, const std::string& room_id) {
    if (!config_.can_only_invite_during_room_creation || !api_.is_mine(inviter)) co_return true;
    callbacks::StateFilter wanted;
    wanted.emplace_back("m.room.create", "");
    wanted.emplace_back("m.room.member");
    const callbacks::StateMap state = co_await api_.get_room_state(room_id, std::move(wanted));
    co_return looks_new(state);
}

bool DomainRuleChecker::mapping_allows(const callbacks::UserID& inviter, const callbacks::UserID& invitee) const {
    const auto invitable = config_.domain_mapping.find(inviter.domain());
    if (invitable == config_.domain_mapping.end()) return config_.can_invite_if_not_in_domain_mapping;
    return invitable->second.contains(invitee.domain());
}
