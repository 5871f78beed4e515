#include "account_changes/deactivation.h"

#include "access/authentication.h"
#include "account_changes/third_party_id_changes.h"
#include "addresses/third_party_ids.h"
#include "http/requests.h"
#include "profiles/profile.h"
#include "rooms/shutdown.h"
#include "sessions/devices.h"
#include "sessions/ui_authentication.h"

#include <callbacks/errors.h>

namespace homeserver {

namespace {

/// In one transaction: no token outlives the account, and no login comes between.
RemovedTokens take_out_of_use(modapi::Transaction& transaction, const std::string& user_id) {
    transaction.execute("UPDATE users SET deactivated = 1, password_hash = NULL WHERE user_id = ?", user_id);
    const std::optional<std::string> no_device;
    return remove_all_sessions(transaction, user_id, no_device);
}

async::task<modapi::Response> deactivate(const RoutedRequest& request, Authentication& authentication,
                                         UiAuthentication& ui_authentication, Deactivation& deactivation) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const callbacks::JsonDict body = json_body(request);
    const bool erase = flag_member(body, "erase", false);
    const std::string user_id = requester.user.to_string();
    std::optional<modapi::Response> challenge = co_await ui_authentication.prove_again("deactivate", body, user_id);
    if (challenge) co_return std::move(*challenge);
    const bool by_admin = false;
    co_await to_the_end(deactivation.deactivate(user_id, erase, by_admin));
    callbacks::JsonDict answer;
    answer["id_server_unbind_result"] = "success";
    co_return ok(std::move(answer));
}

void mark_active(modapi::Transaction& transaction, const std::string& user_id) {
    transaction.execute("UPDATE users SET deactivated = 0 WHERE user_id = ?", user_id);
}

}  // namespace

async::task<void> Deactivation::deactivate(std::string user_id, bool erase, bool by_admin) {
    const bool allowed = co_await third_party_rules_.check_can_deactivate_user(user_id, by_admin);
    if (!allowed) throw callbacks::SynapseError(403, "Deactivation of this user is forbidden", callbacks::Codes::FORBIDDEN);
    co_await third_party_id_changes_.remove_all(user_id);
    RemovedTokens tokens = co_await database_.run("deactivate_account", &take_out_of_use, user_id);
    co_await sessions_.tell_logged_out(user_id, std::move(tokens));
    if (erase) co_await profiles_.erase(user_id, by_admin);
    const bool deactivated = true;
    co_await third_party_rules_.on_user_deactivation_status_changed(user_id, deactivated, by_admin);
    co_await leave_all_rooms(database_, memberships_, user_id);
}

async::task<void> Deactivation::reactivate(std::string user_id) {
    co_await database_.run("reactivate_account", &mark_active, user_id);
    const bool deactivated = false;
    const bool by_admin = true;
    co_await third_party_rules_.on_user_deactivation_status_changed(user_id, deactivated, by_admin);
}

void add_deactivation_endpoint(Router& router) { add_client(router, "POST", "/account/deactivate", &deactivate); }

}  // namespace homeserver
