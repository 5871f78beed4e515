#pragma once

#include <modapi/database.h>

#include <async/task.h>
#include <callbacks/users.h>

#include <string>

namespace homeserver {

/// The global profile of a local user; both fields none for an unknown one.
[[nodiscard]] async::task<callbacks::ProfileInfo> profile_of(modapi::Database& database, std::string user_id);
/// The global profile of a local user, for use inside a transaction.
[[nodiscard]] callbacks::ProfileInfo find_profile(modapi::Transaction& transaction, const std::string& user_id);

}  // namespace homeserver
