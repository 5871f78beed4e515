#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <async/task.h>

#include <string>

namespace homeserver {

/// Takes an account out of use, in the contract's order: check_can_deactivate_user → third-party ids go
/// (on_remove_user_third_party_identifier each) → no password, no session (on_logged_out each) → with `erase` no profile
/// (on_profile_update each) → on_user_deactivation_status_changed → out of all rooms. Errors: SynapseError 403 "Deactivation of
/// this user is forbidden".
[[nodiscard]] async::task<void> deactivate_account(ServerWorker& worker, std::string user_id, bool erase, bool by_admin);

/// POST /account/deactivate.
void add_deactivation_endpoint(Router& router);

}  // namespace homeserver
