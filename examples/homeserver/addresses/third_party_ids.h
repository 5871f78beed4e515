#pragma once

#include <modapi/database.h>

#include <callbacks/json.h>
#include <callbacks/user_info.h>

#include <async/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// Whose an id is; none if it is nobody's. For use inside a transaction.
[[nodiscard]] std::optional<std::string> owner_of_third_party_id(modapi::Transaction& transaction, const std::string& medium,
                                                                 const std::string& address);
/// The ids of a user, the oldest first. For use inside a transaction.
[[nodiscard]] std::vector<callbacks::ThirdPartyID> third_party_ids_of(modapi::Transaction& transaction,
                                                                      const std::string& user_id);

/// The ids as their user and admins see them.
[[nodiscard]] callbacks::JsonArray described(const std::vector<callbacks::ThirdPartyID>& ids);

/// Throws SynapseError 400 `M_THREEPID_IN_USE`.
[[noreturn]] void refuse_taken_third_party_id(std::string_view medium);
/// Throws SynapseError 400 `M_THREEPID_IN_USE` for an id that belongs to somebody.
[[nodiscard]] async::task<void> require_free(modapi::Database& database, std::string medium, std::string address);

}  // namespace homeserver
