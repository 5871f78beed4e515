#pragma once

#include "events/notifier.h"
#include "http/router.h"
#include "presence/presence_interests.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/json.h>
#include <callbacks/presence.h>
#include <callbacks/presence_router.h>

#include <async/clock.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// The presence of users. One a worker; thread: the worker's.
class Presence {
public:
    Presence(modapi::Database& database, const async::clock& clock, const ServerName& server_name,
             callbacks::PresenceRouterDispatch& presence_router, Notifier& notifier,
             PresenceInterests& presence_interests) noexcept
        : database_(database),
          clock_(clock),
          server_name_(server_name),
          presence_router_(presence_router),
          notifier_(notifier),
          presence_interests_(presence_interests) {}

    /// The `m.presence` events that a sync of `user_id` from position `since` (0: from the beginning) shows: the user's own,
    /// those of users in common rooms, of the users that get_interested_users names (PRESENCE_ALL_USERS: of every user), and
    /// what get_users_for_states routed to this user.
    [[nodiscard]] async::task<callbacks::JsonArray> for_sync(std::string user_id, std::int64_t since);

    /// Sets a user's presence; nothing happens for an account out of use. The same again is only told of with `is_told_again`.
    /// `requester` is the user whose session asks for it; none: a module does. Errors: 401 `M_UNKNOWN_TOKEN` for a session that
    /// has ended meanwhile, 401 `M_USER_LOCKED`, 403 `M_USER_SUSPENDED` for a status message.
    [[nodiscard]] async::task<void> change(callbacks::UserPresenceState wanted, std::optional<callbacks::Requester> requester,
                                           bool is_told_again);

    /// What follows end_presence, whose watchers these are: they are woken, and get_users_for_states hears that the user is
    /// offline.
    [[nodiscard]] async::task<void> end(std::string user_id, std::vector<std::string> watchers);

    /// Sets a user's presence and tells who may see it, also if it is the same again. Errors: SynapseError 400
    /// `M_INVALID_PARAM`.
    [[nodiscard]] async::task<void> set(callbacks::UserPresenceState wanted);

    /// Has the next sync of these local users show everybody who is online and whose presence they may see.
    [[nodiscard]] async::task<void> show_all_online(std::vector<std::string> users);

private:
    modapi::Database& database_;
    const async::clock& clock_;
    const ServerName& server_name_;
    callbacks::PresenceRouterDispatch& presence_router_;
    Notifier& notifier_;
    PresenceInterests& presence_interests_;
};

/// Shows a user offline from now on to everybody who was shown something else; gives those who are to be woken, nobody if the
/// user was offline. For use inside a transaction.
[[nodiscard]] std::vector<std::string> end_presence(modapi::Transaction& transaction, const std::string& user_id);

/// Throws SynapseError 400 `M_INVALID_PARAM` "Invalid presence state" for a word that is none.
void require_presence_state(std::string_view state);

/// GET and PUT /presence/{user}/status.
void add_presence_endpoints(Router& router);

}  // namespace homeserver
