#pragma once

#include "policy_rules.h"

#include <modapi/module_api.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mjolnir {

/// Follows policy lists: rooms whose state says which users, servers and rooms are banned. What is banned can't invite, and as
/// the operator likes can't send and isn't found. Also limits the length of messages.
class Module {
public:
    struct Config {
        std::vector<std::string> ban_lists;  ///< room ids
        bool block_invites = true;
        bool block_messages = false;
        bool block_usernames = false;
        std::optional<std::int64_t> longest_message;  ///< characters
        std::set<std::string> length_limited_rooms;   ///< none: all
        bool limits_remote_servers = false;
    };
    static Config parse_config(const modapi::ConfigSection& config);

    Module(Config config, modapi::ModuleApi& api);

    /// Reads the lists.
    async::task<void> start();

private:
    /// A part of a list that has to be read again: what is at one type and state key, or all of it.
    struct Change {
        std::string room_id;
        std::optional<callbacks::StateFilterEntry> place;
    };

    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event);
    async::task<callbacks::Verdict> user_may_invite(const std::string& inviter, const std::string& invitee,
                                                    const std::string& room_id);
    async::task<bool> check_username_for_spam(const callbacks::UserProfile& profile);
    async::task<void> on_new_event(const callbacks::Event& event, const callbacks::StateMap& state);

    [[nodiscard]] bool is_list(const std::string& room_id) const { return followed_.contains(room_id); }
    [[nodiscard]] bool is_banned(const std::string& user_id) const;
    [[nodiscard]] bool is_too_long(const callbacks::Event& event) const;
    async::task<void> read(Change change);
    async::task<bool> has_local_member(std::string room_id);

    Config config_;
    modapi::ModuleApi& api_;
    std::set<std::string> followed_;  // the list rooms
    PolicyRules rules_;
    std::deque<Change> changes_;  // to be read, in order
    bool is_reading_ = false;
};

}  // namespace mjolnir
