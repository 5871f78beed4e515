#include "account_changes/password_change.h"

#include "access/authentication.h"
#include "accounts/password_hash.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "sessions/devices.h"
#include "sessions/ui_authentication.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <optional>
#include <string>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

RemovedTokens set_own_password(Transaction& transaction, const callbacks::Requester& requester, const NewPassword& password) {
    require_session(transaction, requester);
    return set_password(transaction, password);
}

async::task<void> change_password(modapi::Database& database, Sessions& sessions, callbacks::Requester requester,
                                  NewPassword password) {
    RemovedTokens tokens = co_await database.run("change_password", &set_own_password, std::move(requester), password);
    co_await sessions.tell_logged_out(password.user_id, std::move(tokens));
}

async::task<Response> post_password(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                    const HostPool& host_pool, Sessions& sessions, UiAuthentication& ui_authentication) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    JsonDict body = required_json_body(request);
    NewPassword change;
    change.user_id = requester.user.to_string();
    change.kept_device = requester.device_id;
    change.logout_devices = flag_member(body, "logout_devices", true);
    const std::optional<std::string> password = secret_member(body, "new_password");
    if (password) check_new_password(*password);
    body.erase("new_password");  // what is kept of a session holds no secret
    std::optional<Response> challenge =
        co_await ui_authentication.prove_again("change_password", std::move(body), change.user_id);
    if (challenge) co_return std::move(*challenge);
    // The first request, which only asks how to prove who one is, needn't have it.
    if (!password) throw SynapseError(400, "Missing key 'new_password'", Codes::MISSING_PARAM);
    change.password_hash = co_await hash_password(host_pool, *password);
    co_await to_the_end(change_password(database, sessions, requester, std::move(change)));
    co_return ok();
}

}  // namespace

RemovedTokens set_password(Transaction& transaction, const NewPassword& password) {
    transaction.execute("UPDATE users SET password_hash = ? WHERE user_id = ?", password.password_hash, password.user_id);
    if (!password.logout_devices) return {};
    return remove_all_sessions(transaction, password.user_id, password.kept_device);
}

void add_password_change_endpoint(Router& router) { add_client(router, "POST", "/account/password", &post_password); }

}  // namespace homeserver
