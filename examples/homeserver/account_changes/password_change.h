#pragma once

#include "http/router.h"

namespace homeserver {

/// POST /account/password: who proves who they are gets a new password, and their other devices are logged out unless
/// `logout_devices` is false.
void add_password_change_endpoint(Router& router);

}  // namespace homeserver
