#pragma once

#include "account_changes/third_party_id_changes.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <optional>
#include <set>
#include <string>
#include <utility>

namespace homeserver {

/// Third-party ids as medium and canonical address.
using ThirdPartyIdSet = std::set<std::pair<std::string, std::string>>;

/// The ids that an admin wants a user to have, from the body's `threepids`; none if it isn't there. Errors: SynapseError 400
/// `M_INVALID_PARAM`, `M_MISSING_PARAM`; 400 `M_UNKNOWN` for what is no address.
[[nodiscard]] std::optional<ThirdPartyIdSet> assigned_third_party_ids(const callbacks::JsonDict& body);

/// Throws SynapseError 400 `M_THREEPID_IN_USE` if one of the ids is somebody else's.
[[nodiscard]] async::task<void> require_assignable(modapi::Database& database, std::string user_id, ThirdPartyIdSet wanted);

/// Gives the user exactly these ids, as validated now. The callbacks of what goes run first, then those of what comes; what
/// stays isn't touched.
[[nodiscard]] async::task<void> assign_third_party_ids(modapi::Database& database, ThirdPartyIdChanges& third_party_id_changes,
                                                       std::string user_id, ThirdPartyIdSet wanted);

}  // namespace homeserver
