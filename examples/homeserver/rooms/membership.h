#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/event.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <string>

namespace homeserver {

/// A change of somebody's membership, as a client asks for it.
struct MembershipChange {
    std::string room_id;
    std::string sender;
    std::string target;
    std::string membership;       ///< join, invite, leave, ban, knock; kick, unban: a leave of who is, or was, in the room
    callbacks::JsonDict content;  ///< what else the event is to hold: reason, is_direct
    bool sender_is_admin = false;
    bool sender_is_shadow_banned = false;
};

/// Asks user_may_join_room or user_may_invite where they apply, fills in the target's profile and sends the event.
[[nodiscard]] async::task<callbacks::Event> change_membership(ServerWorker& worker, MembershipChange change);

/// The content of a member event: the membership, the target's profile, and what the change brings.
[[nodiscard]] async::task<callbacks::JsonDict> member_content(ServerWorker& worker, MembershipChange change);

/// join, invite, leave, kick, ban, unban, forget; joined_rooms, members, joined_members.
void add_membership_endpoints(Router& router);

}  // namespace homeserver
