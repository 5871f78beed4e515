#pragma once

#include "events/notifier.h"
#include "http/router.h"
#include "sessions/ended_sessions.h"

#include <modapi/database.h>

#include <callbacks/password_auth_provider.h>
#include <callbacks/users.h>

#include <async/clock.h>
#include <async/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// A device that logged in.
struct NewSession {
    std::string device_id;
    std::string access_token;
};

/// Checks a device id that a client asks for. Errors: SynapseError 400 `M_INVALID_PARAM` for one over 512 characters.
void check_device_id(const std::optional<std::string>& device_id);

/// Begins and ends users' sessions. One a worker; thread: the worker's.
class Sessions {
public:
    Sessions(modapi::Database& database, const async::clock& clock,
             callbacks::PasswordAuthProviderDispatch& password_auth_provider, Notifier& notifier) noexcept
        : database_(database), clock_(clock), password_auth_provider_(password_auth_provider), notifier_(notifier) {}

    /// Makes a token for the device, and the device if it isn't there; none: a new device. Tokens that the device had are gone.
    ///
    /// `password_hash` is of the password by which the user proved who they are; none: they proved it otherwise. Errors:
    /// SynapseError 404 "No row found", 403 `M_USER_DEACTIVATED` for an account that nobody may use, 403 `M_FORBIDDEN` "Invalid
    /// username or password" for a password that is another one by now.
    [[nodiscard]] async::task<NewSession> start(std::string user_id, std::optional<std::string> device_id,
                                                std::optional<std::string> display_name,
                                                std::optional<std::string> password_hash);

    /// Ends a session: removes its device with all its tokens, or the one token if it has no device, then runs on_logged_out
    /// for each. Runs to its end once it has begun.
    [[nodiscard]] async::task<void> end(callbacks::Requester requester);

    /// After a transaction that changed sessions or accounts: returns when no process knows tokens any more as they were before
    /// (access/token_owners.h). Who doesn't answer within two seconds isn't waited for. Cost where there are others: a message to each.
    [[nodiscard]] async::task<void> known_everywhere();
    /// Likewise for a user whose sessions are gone or whose account is locked: ends the syncs that wait, in whatever process.
    [[nodiscard]] async::task<void> end_syncs(std::string user_id);
    /// `end_syncs` for a session that is gone, and tells on_logged_out of each token, in their order.
    [[nodiscard]] async::task<void> tell_logged_out(std::string user_id, RemovedTokens tokens);

    /// remove_all_sessions and tell_logged_out.
    [[nodiscard]] async::task<void> end_all(std::string user_id);

private:
    modapi::Database& database_;
    const async::clock& clock_;
    callbacks::PasswordAuthProviderDispatch& password_auth_provider_;
    Notifier& notifier_;
};

/// POST /logout and /logout/all, GET /account/whoami, GET /devices, GET, PUT and DELETE /devices/{device}, POST
/// /delete_devices.
void add_session_endpoints(Router& router);

}  // namespace homeserver
