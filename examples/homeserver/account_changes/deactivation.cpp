#include "account_changes/deactivation.h"

#include "access/authentication.h"
#include "account_changes/ended_account.h"
#include "account_changes/third_party_id_changes.h"
#include "http/requests.h"
#include "presence/presence.h"
#include "profiles/profile.h"
#include "rooms/shutdown.h"
#include "sessions/devices.h"
#include "sessions/ui_authentication.h"

#include <callbacks/errors.h>

namespace homeserver {

namespace {

EndedAccount end_if_asked_still(modapi::Transaction& transaction, const std::string& user_id,
                                const std::function<void(modapi::Transaction&)>& require) {
    if (require) require(transaction);
    return end_account(transaction, user_id);
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
    co_await to_the_end(deactivation.deactivate(user_id, erase, by_admin, while_session_stands(requester)));
    callbacks::JsonDict answer;
    answer["id_server_unbind_result"] = "success";
    co_return ok(std::move(answer));
}

}  // namespace

async::task<void> Deactivation::deactivate(std::string user_id, bool erase, bool by_admin,
                                           std::function<void(modapi::Transaction&)> require) {
    const bool allowed = co_await third_party_rules_.check_can_deactivate_user(user_id, by_admin);
    if (!allowed) throw callbacks::SynapseError(403, "Deactivation of this user is forbidden", callbacks::Codes::FORBIDDEN);
    EndedAccount ended = co_await database_.run_in_turn("deactivate_account", &end_if_asked_still, user_id, std::move(require));
    co_await third_party_id_changes_.tell_removed(user_id, std::move(ended.third_party_ids));
    co_await sessions_.tell_logged_out(user_id, std::move(ended.tokens));
    co_await presence_.end(user_id, std::move(ended.presence_watchers));
    if (erase) co_await profiles_.erase(user_id, by_admin);
    const bool deactivated = true;
    co_await third_party_rules_.on_user_deactivation_status_changed(user_id, deactivated, by_admin);
    co_await leave_all_rooms(database_, memberships_, user_id);
}

async::task<void> Deactivation::reactivate(std::string user_id) {
    co_await database_.run("reactivate_account", &resume_account, user_id);
    const bool deactivated = false;
    const bool by_admin = true;
    co_await third_party_rules_.on_user_deactivation_status_changed(user_id, deactivated, by_admin);
}

void add_deactivation_endpoint(Router& router) { add_client(router, "POST", "/account/deactivate", &deactivate); }

}  // namespace homeserver
