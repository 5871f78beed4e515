#pragma once

#include "router.h"
#include "server_worker.h"

#include <callbacks/users.h>

#include <async/task.h>

#include <string>

namespace homeserver {

/// The global profile of a local user; both fields none for an unknown one.
[[nodiscard]] async::task<callbacks::ProfileInfo> profile_of(ServerWorker& worker, std::string user_id);
/// The same inside a transaction.
[[nodiscard]] callbacks::ProfileInfo find_profile(modapi::Transaction& transaction, const std::string& user_id);

/// GET /profile/{user}, GET and PUT /profile/{user}/displayname and /avatar_url.
void add_profile_endpoints(Router& router);

}  // namespace homeserver
