#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/users.h>

#include <async/task.h>

#include <string>

namespace homeserver {

/// The global profile of a local user; both fields none for an unknown one.
[[nodiscard]] async::task<callbacks::ProfileInfo> profile_of(ServerWorker& worker, std::string user_id);
/// The same inside a transaction.
[[nodiscard]] callbacks::ProfileInfo find_profile(modapi::Transaction& transaction, const std::string& user_id);

/// Takes avatar and display name away, telling the modules after each that it belongs to a deactivation.
[[nodiscard]] async::task<void> erase_profile(ServerWorker& worker, std::string user_id, bool by_admin);
/// Sets a field as an admin would: the change is stored, told to the modules and copied into the user's rooms. Errors:
/// SynapseError 400 for a value that is too long; of the display name also 400 for a user of another server, 404 for an unknown
/// one.
[[nodiscard]] async::task<void> set_display_name(ServerWorker& worker, std::string user_id, std::string value,
                                                 bool deactivation = false);
[[nodiscard]] async::task<void> set_avatar_url(ServerWorker& worker, std::string user_id, std::string value);

/// GET /profile/{user}, GET and PUT /profile/{user}/displayname and /avatar_url.
void add_profile_endpoints(Router& router);

}  // namespace homeserver
