#pragma once

#include "http/router.h"
#include "sessions/ended_sessions.h"

#include <modapi/database.h>

#include <optional>
#include <string>

namespace homeserver {

/// A password that an account gets instead of the one that it had.
struct NewPassword {
    std::string user_id;
    std::string password_hash;
    bool logout_devices = true;              ///< all sessions of before end with the old one
    std::optional<std::string> kept_device;  ///< but this one
};

/// Gives an account a password; no session that is to end with the old one outlives it. For use inside a transaction;
/// Sessions::tell_logged_out follows it.
[[nodiscard]] RemovedTokens set_password(modapi::Transaction& transaction, const NewPassword& password);

/// POST /account/password: who proves who they are gets a new password, and their other devices are logged out unless
/// `logout_devices` is false.
void add_password_change_endpoint(Router& router);

}  // namespace homeserver
