#pragma once

#include "http/router.h"
#include "rate_limits/rate_limits.h"
#include "rooms/event_sender.h"
#include "rooms/membership.h"
#include "rooms/third_party_invites.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/json.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <optional>
#include <string>

namespace homeserver {

struct CreatedRoom {
    std::string room_id;
    std::optional<std::string> alias;
};

/// Creates rooms. One a worker; thread: the worker's.
class RoomCreation {
public:
    RoomCreation(modapi::Database& database, const ServerName& server_name, RateLimits& rate_limits,
                 callbacks::SpamCheckerDispatch& spam_checker, callbacks::ThirdPartyRulesDispatch& third_party_rules,
                 EventSender& event_sender, Memberships& memberships, ThirdPartyInvites& third_party_invites) noexcept
        : database_(database),
          server_name_(server_name),
          rate_limits_(rate_limits),
          spam_checker_(spam_checker),
          third_party_rules_(third_party_rules),
          event_sender_(event_sender),
          memberships_(memberships),
          third_party_invites_(third_party_invites) {}

    /// Creates a room as a createRoom body asks for it, with all callbacks. What `creator_profile` says stands in the creator's
    /// member event instead of their profile. `is_limited`: it counts as a message of the user's, and its invitations as
    /// theirs, but of server admins. Errors: LimitExceeded; SynapseError as read_room_request; 403 from modules and rules; 400
    /// `M_ROOM_IN_USE`.
    [[nodiscard]] async::task<CreatedRoom> create(callbacks::Requester requester, callbacks::JsonDict body,
                                                  callbacks::JsonDict creator_profile, bool is_limited);

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    RateLimits& rate_limits_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    EventSender& event_sender_;
    Memberships& memberships_;
    ThirdPartyInvites& third_party_invites_;
};

/// POST /createRoom.
void add_create_room_endpoint(Router& router);

}  // namespace homeserver
