#pragma once

#include "events/signing_key.h"
#include "http/public_baseurl.h"
#include "http/router.h"
#include "rate_limits/rate_limits.h"
#include "rooms/event_sender.h"
#include "rooms/membership.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/json.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>

#include <async/task.h>

#include <string>

/// Invites of people of whom only an address is known. This server's own tables stand in for an identity server: they know
/// whose an address is, and who waits for somebody to have it.
namespace homeserver {

/// An invite as a client asks for it.
struct ThirdPartyInvite {
    std::string room_id;
    std::string sender;
    std::string medium;
    std::string address;          ///< as the client wrote it
    callbacks::JsonDict content;  ///< what else the member event is to hold
    bool sender_is_admin = false;
    std::optional<callbacks::Requester> requester;  ///< MembershipChange::requester
};

/// From a request's body: `medium` and `address`. Errors: 400 `M_INVALID_PARAM`, 400 `M_UNKNOWN` for what is no address.
void read_third_party(const callbacks::JsonDict& body, ThirdPartyInvite& invite);

/// Invites of people of whom only an address is known. One a worker; thread: the worker's.
class ThirdPartyInvites {
public:
    ThirdPartyInvites(modapi::Database& database, const ServerName& server_name, const PublicBaseurl& public_baseurl,
                      const SigningKey& signing_key, RateLimits& rate_limits, callbacks::SpamCheckerDispatch& spam_checker,
                      callbacks::ThirdPartyRulesDispatch& third_party_rules, EventSender& event_sender,
                      Memberships& memberships) noexcept
        : database_(database),
          server_name_(server_name),
          public_baseurl_(public_baseurl),
          signing_key_(signing_key),
          rate_limits_(rate_limits),
          spam_checker_(spam_checker),
          third_party_rules_(third_party_rules),
          event_sender_(event_sender),
          memberships_(memberships) {}

    /// Looks whether a client's invitation comes too soon after others. Asks check_threepid_can_be_invited. A user who has the
    /// address is invited (user_may_invite); else user_may_send_3pid_invite is asked, m.room.third_party_invite sent, and the
    /// invite kept until somebody binds the address. Errors: LimitExceeded; 403 of the callbacks, of the room's rules.
    [[nodiscard]] async::task<void> invite(ThirdPartyInvite invite);

    /// Who has got an address is invited to all rooms that waited for that. What a room's rules refuse is logged.
    [[nodiscard]] async::task<void> redeem(std::string user_id, std::string medium, std::string address);

    /// Redeems the invites of an address that somebody has by now.
    [[nodiscard]] async::task<void> redeem_if_owned(std::string medium, std::string address);

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    const PublicBaseurl& public_baseurl_;
    const SigningKey& signing_key_;
    RateLimits& rate_limits_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    EventSender& event_sender_;
    Memberships& memberships_;
};

/// Where others may ask whether the key that such invites are signed with is still good.
void add_identity_key_endpoint(Router& router);

}  // namespace homeserver
