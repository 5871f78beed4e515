#include "account_changes/deactivation.h"

#include "addresses/third_party_ids.h"
#include "http/requests.h"
#include "profiles/profile.h"
#include "rooms/rooms.h"
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

async::task<modapi::Response> deactivate(ServerWorker& worker, const RoutedRequest& request) {
    const callbacks::Requester requester = co_await authenticate(worker, request);
    const callbacks::JsonDict body = json_body(request);
    const bool erase = flag_member(body, "erase", false);
    const std::string user_id = requester.user.to_string();
    std::optional<modapi::Response> challenge = co_await prove_again(worker, "deactivate", body, user_id);
    if (challenge) co_return std::move(*challenge);
    const bool by_admin = false;
    co_await to_the_end(deactivate_account(worker, user_id, erase, by_admin));
    callbacks::JsonDict answer;
    answer["id_server_unbind_result"] = "success";
    co_return ok(std::move(answer));
}

}  // namespace

async::task<void> deactivate_account(ServerWorker& worker, std::string user_id, bool erase, bool by_admin) {
    const bool allowed = co_await worker.hooks().third_party_rules.check_can_deactivate_user(user_id, by_admin);
    if (!allowed) throw callbacks::SynapseError(403, "Deactivation of this user is forbidden", callbacks::Codes::FORBIDDEN);
    co_await remove_third_party_ids(worker, user_id);
    RemovedTokens tokens = co_await worker.database().run("deactivate_account", &take_out_of_use, user_id);
    co_await tell_logged_out(worker, user_id, std::move(tokens));
    if (erase) co_await erase_profile(worker, user_id, by_admin);
    const bool deactivated = true;
    co_await worker.hooks().third_party_rules.on_user_deactivation_status_changed(user_id, deactivated, by_admin);
    co_await leave_all_rooms(worker, user_id);
}

void add_deactivation_endpoint(Router& router) { add_client(router, "POST", "/account/deactivate", &deactivate); }

}  // namespace homeserver
