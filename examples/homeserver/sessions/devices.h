#pragma once

#include "http/router.h"

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

/// A token that is gone.
struct RemovedToken {
    std::optional<std::string> device_id;
    std::string access_token;
};
using RemovedTokens = std::vector<RemovedToken>;

/// Begins and ends users' sessions. One a worker; thread: the worker's.
class Sessions {
public:
    Sessions(modapi::Database& database, const async::clock& clock,
             callbacks::PasswordAuthProviderDispatch& password_auth_provider) noexcept
        : database_(database), clock_(clock), password_auth_provider_(password_auth_provider) {}

    /// Makes a token for the device, and the device if it isn't there; none: a new device. Tokens that the device had are gone.
    [[nodiscard]] async::task<NewSession> start(std::string user_id, std::optional<std::string> device_id,
                                                std::optional<std::string> display_name);

    /// Ends a session: removes its device with all its tokens, or the one token if it has no device, then runs on_logged_out
    /// for each. Runs to its end once it has begun.
    [[nodiscard]] async::task<void> end(callbacks::Requester requester);

    /// Tells on_logged_out of each token, in their order; then the pushers of their devices go.
    [[nodiscard]] async::task<void> tell_logged_out(std::string user_id, RemovedTokens tokens);

    /// remove_all_sessions and tell_logged_out.
    [[nodiscard]] async::task<void> end_all(std::string user_id, std::optional<std::string> kept_device);

private:
    modapi::Database& database_;
    const async::clock& clock_;
    callbacks::PasswordAuthProviderDispatch& password_auth_provider_;
};

/// Removes all devices of a user with their tokens, and the tokens without device, which come last; all but `kept_device`. For
/// use inside a transaction; tell_logged_out follows it.
[[nodiscard]] RemovedTokens remove_all_sessions(modapi::Transaction& transaction, const std::string& user_id,
                                                const std::optional<std::string>& kept_device);

/// POST /logout and /logout/all, GET /account/whoami, GET /devices, GET, PUT and DELETE /devices/{device}, POST
/// /delete_devices.
void add_session_endpoints(Router& router);

}  // namespace homeserver
