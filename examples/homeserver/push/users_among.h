#pragma once

#include <modapi/database.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// Those of the users whom a query finds; many of them by one statement. `query` ends where a list of values in parentheses is
/// to follow: "SELECT user_id FROM users WHERE user_id IN". For use inside a transaction.
[[nodiscard]] std::vector<std::string> users_among(modapi::Transaction& transaction, std::string_view query,
                                                   const std::set<std::string>& users);

}  // namespace homeserver
