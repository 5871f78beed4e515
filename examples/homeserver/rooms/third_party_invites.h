#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/json.h>

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
};

/// From a request's body: `medium` and `address`. Errors: 400 `M_INVALID_PARAM`, 400 `M_UNKNOWN` for what is no address.
void read_third_party(const callbacks::JsonDict& body, ThirdPartyInvite& invite);

/// Asks check_threepid_can_be_invited; then invites who has the address (user_may_invite), or asks user_may_send_3pid_invite,
/// sends m.room.third_party_invite and waits for somebody to have it. Errors: 403 of the callbacks, of the room's rules.
[[nodiscard]] async::task<void> invite_third_party(ServerWorker& worker, ThirdPartyInvite invite);

/// Who has got an address is invited to all rooms that waited for that. What a room's rules refuse is logged.
[[nodiscard]] async::task<void> redeem_third_party_invites(ServerWorker& worker, std::string user_id, std::string medium,
                                                           std::string address);

/// Where others may ask whether the key that such invites are signed with is still good.
void add_identity_key_endpoint(Router& router);

}  // namespace homeserver
