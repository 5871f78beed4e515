#pragma once

#include "process/server_worker.h"

#include <callbacks/json.h>
#include <callbacks/user_info.h>

#include <async/task.h>

#include <cstdint>
#include <optional>
#include <string>
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

/// An id that a user is to get.
struct NewThirdPartyId {
    std::string medium;
    std::string address;  ///< canonical
    std::int64_t validated_at = 0;
    std::string sid;  ///< the validation that is used up by this; empty: none
};

/// Throws SynapseError 400 `M_THREEPID_IN_USE` for an id that belongs to somebody.
[[nodiscard]] async::task<void> require_free(ServerWorker& worker, std::string medium, std::string address);
/// Gives a user an id that was validated, also once more; then on_add_user_third_party_identifier and on_threepid_bind run, and
/// invites to the id become invites of the user. Errors: SynapseError 400 `M_THREEPID_IN_USE` if it is somebody else's.
[[nodiscard]] async::task<void> add_third_party_id(ServerWorker& worker, std::string user_id, NewThirdPartyId id);
/// Takes an id from a user, and runs on_remove_user_third_party_identifier, also if they had none.
[[nodiscard]] async::task<void> remove_third_party_id(ServerWorker& worker, std::string user_id, std::string medium,
                                                      std::string address);
/// Takes all ids from a user, and runs on_remove_user_third_party_identifier for each.
[[nodiscard]] async::task<void> remove_third_party_ids(ServerWorker& worker, std::string user_id);

}  // namespace homeserver
