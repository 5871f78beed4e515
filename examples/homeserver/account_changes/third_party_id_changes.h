#pragma once

#include "rooms/third_party_invites.h"

#include <callbacks/third_party_rules.h>
#include <callbacks/user_info.h>

#include <modapi/database.h>

#include <async/clock.h>
#include <async/task.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// An id that a user is to get.
struct NewThirdPartyId {
    std::string medium;
    std::string address;                       ///< canonical
    std::optional<std::int64_t> validated_at;  ///< milliseconds since 1970; none: when it is added
    std::string sid;                           ///< the validation that is used up by this; empty: none
    /// Asked in the transaction that stores the id, may be again: throws if it isn't to be added any more; empty: it is.
    std::function<void(modapi::Transaction&)> require;
};

/// For ids of an account that must be in use still: NewThirdPartyId::require.
[[nodiscard]] std::function<void(modapi::Transaction&)> while_usable(std::string user_id);

/// Gives users third-party ids and takes them away. One a worker; thread: the worker's.
class ThirdPartyIdChanges {
public:
    ThirdPartyIdChanges(modapi::Database& database, const async::clock& clock,
                        callbacks::ThirdPartyRulesDispatch& third_party_rules, ThirdPartyInvites& third_party_invites) noexcept
        : database_(database),
          clock_(clock),
          third_party_rules_(third_party_rules),
          third_party_invites_(third_party_invites) {}

    /// Gives a user an id that was validated, also once more; then on_add_user_third_party_identifier and on_threepid_bind run,
    /// and invites to the id become invites of the user. Errors: SynapseError 400 `M_THREEPID_IN_USE` if it is somebody else's.
    [[nodiscard]] async::task<void> add(std::string user_id, NewThirdPartyId id);

    /// Takes an id from a user, and runs on_remove_user_third_party_identifier, also if they had none.
    /// `require` is as NewThirdPartyId has it.
    [[nodiscard]] async::task<void> remove(std::string user_id, std::string medium, std::string address,
                                           std::function<void(modapi::Transaction&)> require);

    /// Runs on_remove_user_third_party_identifier for each of the ids that were taken from a user.
    [[nodiscard]] async::task<void> tell_removed(std::string user_id, std::vector<callbacks::ThirdPartyID> ids);

private:
    modapi::Database& database_;
    const async::clock& clock_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    ThirdPartyInvites& third_party_invites_;
};

}  // namespace homeserver
