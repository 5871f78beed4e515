#pragma once

#include "account_changes/third_party_id_changes.h"
#include "http/router.h"
#include "presence/presence.h"
#include "profiles/profile.h"
#include "rooms/membership.h"
#include "sessions/devices.h"

#include <callbacks/third_party_rules.h>

#include <modapi/database.h>

#include <async/task.h>

#include <functional>
#include <string>

namespace homeserver {

/// Takes accounts out of use. One a worker; thread: the worker's.
class Deactivation {
public:
    Deactivation(modapi::Database& database, callbacks::ThirdPartyRulesDispatch& third_party_rules, Memberships& memberships,
                 Presence& presence, Sessions& sessions, Profiles& profiles,
                 ThirdPartyIdChanges& third_party_id_changes) noexcept
        : database_(database),
          third_party_rules_(third_party_rules),
          memberships_(memberships),
          presence_(presence),
          sessions_(sessions),
          profiles_(profiles),
          third_party_id_changes_(third_party_id_changes) {}

    /// Takes an account out of use. After check_can_deactivate_user all that end_account lists goes at once; then the modules
    /// are told in the contract's order: on_remove_user_third_party_identifier each → on_logged_out each → offline
    /// (get_users_for_states) → with `erase` no profile (on_profile_update each) → on_user_deactivation_status_changed → out of
    /// all rooms. `require` is asked in the transaction that ends the account, may be again: throws if whoever asked for it may
    /// not any more; empty: they may. Errors: SynapseError 403 "Deactivation of this user is forbidden".
    [[nodiscard]] async::task<void> deactivate(std::string user_id, bool erase, bool by_admin,
                                               std::function<void(modapi::Transaction&)> require);

    /// Takes an account into use again, as an admin may, and runs on_user_deactivation_status_changed. It has no password until
    /// it is given one.
    [[nodiscard]] async::task<void> reactivate(std::string user_id);

private:
    modapi::Database& database_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    Memberships& memberships_;
    Presence& presence_;
    Sessions& sessions_;
    Profiles& profiles_;
    ThirdPartyIdChanges& third_party_id_changes_;
};

/// POST /account/deactivate.
void add_deactivation_endpoint(Router& router);

}  // namespace homeserver
