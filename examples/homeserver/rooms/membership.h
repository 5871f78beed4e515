#pragma once

#include "events/notifier.h"
#include "http/router.h"
#include "rate_limits/rate_limits.h"
#include "rooms/event_sender.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/event.h>
#include <callbacks/spam_checker.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <functional>
#include <memory>
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
    std::optional<callbacks::Requester> requester;  ///< whose session asks for it, as long as that lasts; none: no client does
    bool is_counted_invite = false;                 ///< the room's and the issuer's rates have been looked at
    InviteClaims claims;                            ///< what that has taken, which counts once the event is stored
    bool shows_profile = false;  ///< the target's, also where a client's change shows none
    /// Asked in the transaction that stores the event, may be again: whether the change is still wanted; empty: it is.
    std::function<bool(modapi::Transaction&)> still_wanted;
};

/// Changes who is in which room. One a worker; thread: the worker's.
class Memberships {
public:
    Memberships(modapi::Database& database, const ServerName& server_name, RateLimits& rate_limits,
                callbacks::SpamCheckerDispatch& spam_checker, EventSender& event_sender, Notifier& notifier) noexcept
        : database_(database),
          server_name_(server_name),
          rate_limits_(rate_limits),
          spam_checker_(spam_checker),
          event_sender_(event_sender),
          notifier_(notifier) {}

    /// Looks whether a client's join, invitation or other change comes too soon after others of theirs; nobody waits to leave.
    /// Asks user_may_join_room or user_may_invite where they apply, fills in the target's profile and sends the event. What
    /// this rests on (the target's membership, their profile, that the account that joins is in use) is looked at once more by
    /// the transaction that stores the event; if it has changed, all begins anew, but no module is asked the same again. Who
    /// leaves a room that only an invitation of another server is known of declines that: the result is an event that nobody
    /// has stored.
    ///
    /// Errors: LimitExceeded; those of the callbacks and of EventSender::send; SynapseError 403 `M_USER_DEACTIVATED` for a join
    /// of an account out of use, 401 `M_UNKNOWN_TOKEN` if the session that asks has ended meanwhile, 409 for a change that
    /// isn't wanted any more, 503 if what it rests on changes all the time.
    [[nodiscard]] async::task<callbacks::Event> change(MembershipChange change);

    /// The content of a member event: the membership, the target's profile, and what the change brings.
    [[nodiscard]] async::task<callbacks::JsonDict> content_of(MembershipChange change);

    /// Sends a membership event with the user's profile into every room the user has joined. Which that is, and whether the
    /// user is in the room still, is looked at by the transaction that stores the event. A module's denial is only logged;
    /// user_may_join_room isn't asked of a change `by_admin`.
    [[nodiscard]] async::task<void> update_profile(std::string user_id, bool by_admin);
    /// Sends such an event into one room, unless the user has left it.
    [[nodiscard]] async::task<void> update_profile_in(std::string room_id, std::string user_id, bool by_admin);

private:
    /// What was asked once, however often a change is tried.
    struct Asked {
        std::optional<std::string> judged;  ///< the target's membership when the modules were asked
        bool is_limited = false;            ///< rates were looked at
        std::shared_ptr<RateClaim> claim;   ///< on the message that the change counts as
        InviteClaims invite_claims;         ///< on the invitation that it is
    };
    [[nodiscard]] async::task<std::optional<callbacks::Event>> change_once(const MembershipChange& wanted, Asked& asked);
    /// `membership`: where the target stands before.
    [[nodiscard]] async::task<void> limit(const MembershipChange& change, std::string membership, Asked& asked);
    [[nodiscard]] async::task<std::optional<callbacks::Event>> decline(const MembershipChange& change);

    modapi::Database& database_;
    const ServerName& server_name_;
    RateLimits& rate_limits_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    EventSender& event_sender_;
    Notifier& notifier_;
};

/// join, invite, leave, kick, ban, unban, forget; joined_rooms, members, joined_members.
void add_membership_endpoints(Router& router);

}  // namespace homeserver
