#pragma once

#include "account_changes/third_party_id_changes.h"
#include "http/router.h"
#include "profiles/profile.h"
#include "rooms/membership.h"
#include "sessions/devices.h"

#include <callbacks/third_party_rules.h>

#include <modapi/database.h>

#include <async/task.h>

#include <string>

namespace homeserver {

/// Takes accounts out of use. One a worker; thread: the worker's.
class Deactivation {
public:
    Deactivation(modapi::Database& database, callbacks::ThirdPartyRulesDispatch& third_party_rules, Memberships& memberships,
                 Sessions& sessions, Profiles& profiles, ThirdPartyIdChanges& third_party_id_changes) noexcept
        : database_(database),
          third_party_rules_(third_party_rules),
          memberships_(memberships),
          sessions_(sessions),
          profiles_(profiles),
          third_party_id_changes_(third_party_id_changes) {}

    /// Takes an account out of use, in the contract's order: check_can_deactivate_user → third-party ids go
    /// (on_remove_user_third_party_identifier each) → no password, no session (on_logged_out each) → with `erase` no profile
    /// (on_profile_update each) → on_user_deactivation_status_changed → out of all rooms. Errors: SynapseError 403
    /// "Deactivation of this user is forbidden".
    [[nodiscard]] async::task<void> deactivate(std::string user_id, bool erase, bool by_admin);

    /// Takes an account into use again, as an admin may, and runs on_user_deactivation_status_changed. It has no password until
    /// it is given one.
    [[nodiscard]] async::task<void> reactivate(std::string user_id);

private:
    modapi::Database& database_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    Memberships& memberships_;
    Sessions& sessions_;
    Profiles& profiles_;
    ThirdPartyIdChanges& third_party_id_changes_;
};

/// POST /account/deactivate.
void add_deactivation_endpoint(Router& router);

}  // namespace homeserver
