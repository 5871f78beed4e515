#pragma once

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <modapi/database.h>

#include <cstdint>
#include <string>
#include <vector>

/// Invitations into rooms of other servers, of which nothing else is known here. All for use inside a transaction.
namespace homeserver {

struct RemoteInvite {
    std::string room_id;
    callbacks::Event event;
    callbacks::JsonArray room_state;  ///< stripped events, as the inviting server sent them
    bool declined = false;
};

/// Whether the invitation is here, declined or not.
[[nodiscard]] bool is_remote_invite(modapi::Transaction& transaction, const std::string& event_id);
/// False: it is here already.
[[nodiscard]] bool store_remote_invite(modapi::Transaction& transaction, const callbacks::Event& event,
                                       const callbacks::JsonArray& room_state);
/// What of a user's outside invitations changed behind `since`, asked for with the transaction's next statement.
class LaterRemoteInvites {
public:
    LaterRemoteInvites(modapi::Transaction& transaction, const std::string& user_id, std::int64_t since);
    /// Once.
    [[nodiscard]] std::vector<RemoteInvite> take();

private:
    std::int64_t since_;
    modapi::LaterRows<std::string, std::string, std::string, std::string, bool> rows_;
};
/// The user doesn't come. False: there is no such invitation.
[[nodiscard]] bool decline_remote_invite(modapi::Transaction& transaction, const std::string& user_id,
                                         const std::string& room_id);

/// The user doesn't come to any of them.
void decline_remote_invites(modapi::Transaction& transaction, const std::string& user_id);

}  // namespace homeserver
