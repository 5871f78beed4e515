#pragma once

#include <modapi/module_api.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// Joins local users to the rooms they are invited to, and notes direct chats as such in their account data.
///
/// A port of `synapse_auto_accept_invite.InviteAutoAccepter`: an operator's entry for it loads unchanged. One worker does it,
/// so that an invite is accepted once.
class InviteAutoAccepter {
public:
    struct Config {
        bool accept_invites_only_for_direct_messages = false;
        bool accept_invites_only_from_local_users = false;
        std::optional<std::string> worker_to_run_on;  ///< none: the main one
    };
    static Config parse_config(const modapi::ConfigSection& config);

    InviteAutoAccepter(Config config, modapi::ModuleApi& api);

private:
    struct DirectRoom {
        std::string inviter;
        std::string room_id;
    };

    async::task<void> on_new_event(const callbacks::Event& event, const callbacks::StateMap& state_events);
    [[nodiscard]] bool is_acceptable(const callbacks::Event& event) const;

    /// Joins, with further attempts if it fails. For the background.
    async::task<void> join(const std::string& invitee, const std::string& room_id);
    /// Adds the room to the inviter's in the invitee's `m.direct`.
    async::task<void> mark_as_direct(std::string invitee, DirectRoom room);
    async::task<void> write_direct_rooms(const std::string& invitee, std::vector<DirectRoom>& waiting);
    /// Whether `direct` was changed.
    bool add_room(callbacks::JsonDict& direct, const std::string& invitee, const DirectRoom& room);

    Config config_;
    modapi::ModuleApi& api_;
    /// By invitee, whose account data is being read and written: what is to be added next. Without it the second of two invites
    /// at the same time would write over what the first one added.
    std::map<std::string, std::vector<DirectRoom>> direct_rooms_waiting_;
};
