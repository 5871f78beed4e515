#pragma once

#include "events/notifier.h"
#include "http/router.h"
#include "rooms/event_sender.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/event.h>
#include <callbacks/spam_checker.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <optional>
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

/// Changes who is in which room. One a worker; thread: the worker's.
class Memberships {
public:
    Memberships(modapi::Database& database, const ServerName& server_name, callbacks::SpamCheckerDispatch& spam_checker,
                EventSender& event_sender, Notifier& notifier) noexcept
        : database_(database),
          server_name_(server_name),
          spam_checker_(spam_checker),
          event_sender_(event_sender),
          notifier_(notifier) {}

    /// Asks user_may_join_room or user_may_invite where they apply, fills in the target's profile and sends the event: if the
    /// target's membership or profile changes meanwhile, it goes on from there. Who leaves a room that only an invitation of
    /// another server is known of declines that; the result then is an event that nobody has stored.
    [[nodiscard]] async::task<callbacks::Event> change(MembershipChange change);

    /// The content of a member event: the membership, the target's profile, and what the change brings.
    [[nodiscard]] async::task<callbacks::JsonDict> content_of(MembershipChange change);

    /// Sends a membership event with the user's profile into every room that they have joined. A module's denial is only logged;
    /// user_may_join_room isn't asked of a change `by_admin`.
    [[nodiscard]] async::task<void> update_profile(std::string user_id, bool by_admin);
    /// Sends a membership event into one room, if the user has joined it with another profile.
    [[nodiscard]] async::task<void> update_profile_in(std::string room_id, std::string user_id, bool by_admin);

private:
    [[nodiscard]] async::task<std::optional<callbacks::Event>> change_once(const MembershipChange& wanted, std::string& asked);
    [[nodiscard]] async::task<std::optional<callbacks::Event>> decline(const MembershipChange& change);

    modapi::Database& database_;
    const ServerName& server_name_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    EventSender& event_sender_;
    Notifier& notifier_;
};

/// join, invite, leave, kick, ban, unban, forget; joined_rooms, members, joined_members.
void add_membership_endpoints(Router& router);

}  // namespace homeserver
