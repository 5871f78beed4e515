#include "admin/admin.h"

#include "account_changes/assigned_third_party_ids.h"
#include "account_changes/deactivation.h"
#include "account_changes/new_user.h"
#include "accounts/accounts.h"
#include "accounts/password_hash.h"
#include "addresses/third_party_ids.h"
#include "admin/admin_background_updates.h"
#include "admin/admin_modules.h"
#include "admin/admin_registration.h"
#include "http/requests.h"
#include "profiles/profile.h"
#include "rooms/shutdown.h"
#include "sessions/devices.h"

#include <callbacks/errors.h>

#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

/// The local user that the path names.
std::string local_user(const ServerWorker& worker, const RoutedRequest& request, const char* refusal) {
    const std::string user_id = user_parameter(request, 0).to_string();
    if (!is_local(worker, user_id)) throw SynapseError(400, refusal);
    return user_id;
}

async::task<Response> deactivate_user(ServerWorker& worker, const RoutedRequest& request) {
    static_cast<void>(co_await authenticate_admin(worker, request));
    const std::string user_id = local_user(worker, request, "Can only deactivate local users");
    const JsonDict body = json_body(request);
    const bool erase = flag_member(body, "erase", false);
    const bool exists = co_await user_exists(worker, user_id);
    if (!exists) throw SynapseError(404, "User not found", Codes::NOT_FOUND);
    const bool by_admin = true;
    co_await to_the_end(deactivate_account(worker, user_id, erase, by_admin));
    JsonDict answer;
    answer["id_server_unbind_result"] = "success";
    co_return ok(std::move(answer));
}

/// What a PUT of a user asks for; what isn't there stays as it is.
struct UserChange {
    std::string user_id;
    std::optional<std::string> password;
    std::optional<std::string> password_hash;
    std::optional<std::string> display_name;
    std::optional<std::string> avatar_url;
    std::optional<ThirdPartyIdSet> third_party_ids;
    std::optional<bool> admin;
    std::optional<bool> deactivated;
    bool logout_devices = true;              ///< with a new password
    std::optional<std::string> kept_device;  ///< who changes their own password stays logged in there
};

std::optional<bool> optional_flag(const JsonDict& body, std::string_view key) {
    if (!body.contains(key)) return std::nullopt;
    return flag_member(body, key, false);
}

UserChange read_change(std::string user_id, const JsonDict& body) {
    UserChange change;
    change.user_id = std::move(user_id);
    const callbacks::JsonValue* const password = body.if_contains("password");
    if (password != nullptr && !password->is_null()) change.password = secret_member(body, "password");
    if (change.password) check_new_password(*change.password);
    change.display_name = string_member(body, "displayname");
    change.avatar_url = string_member(body, "avatar_url");
    change.third_party_ids = assigned_third_party_ids(body);
    change.admin = optional_flag(body, "admin");
    change.deactivated = optional_flag(body, "deactivated");
    change.logout_devices = flag_member(body, "logout_devices", true);
    return change;
}

void store_flags(Transaction& transaction, const UserChange& change) {
    if (change.admin) transaction.execute("UPDATE users SET admin = ? WHERE user_id = ?", *change.admin, change.user_id);
    if (!change.password_hash) return;
    transaction.execute("UPDATE users SET password_hash = ? WHERE user_id = ?", *change.password_hash, change.user_id);
}

void mark_active(Transaction& transaction, const std::string& user_id) {
    transaction.execute("UPDATE users SET deactivated = 0 WHERE user_id = ?", user_id);
}

async::task<void> reactivate(ServerWorker& worker, std::string user_id) {
    co_await worker.database().run("reactivate_account", &mark_active, user_id);
    const bool deactivated = false;
    const bool by_admin = true;
    co_await worker.hooks().third_party_rules.on_user_deactivation_status_changed(user_id, deactivated, by_admin);
}

async::task<void> change_user(ServerWorker& worker, UserChange change, Account before) {
    const bool reactivates = change.deactivated == false && before.deactivated;
    if (reactivates && !change.password) throw SynapseError(400, "Must provide a password to re-activate an account.");
    co_await worker.database().run("change_user", &store_flags, change);
    if (change.password_hash && change.logout_devices) co_await end_all_sessions(worker, change.user_id, change.kept_device);
    if (change.third_party_ids) co_await assign_third_party_ids(worker, change.user_id, *change.third_party_ids);
    if (change.display_name) co_await set_display_name(worker, change.user_id, *change.display_name);
    if (change.avatar_url) co_await set_avatar_url(worker, change.user_id, *change.avatar_url);
    const bool erase = false;
    const bool by_admin = true;
    if (change.deactivated == true && !before.deactivated) co_await deactivate_account(worker, change.user_id, erase, by_admin);
    if (reactivates) co_await reactivate(worker, change.user_id);
}

async::task<void> make_user(ServerWorker& worker, UserChange change) {
    NewUser user;
    user.localpart = std::string(callbacks::localpart_of(change.user_id));
    user.password_hash = change.password_hash;
    user.display_name = change.display_name;
    user.admin = change.admin.value_or(false);
    co_await register_user(worker, std::move(user));
    // What an account is made with isn't a change of it.
    change.password_hash.reset();
    change.display_name.reset();
    change.admin.reset();
    co_await change_user(worker, std::move(change), Account());
}

async::task<JsonDict> describe(ServerWorker& worker, std::string user_id) {
    const std::optional<Account> account = co_await worker.database().read("find_account", &find_account, user_id);
    if (!account) throw SynapseError(404, "User not found", Codes::NOT_FOUND);
    const callbacks::ProfileInfo profile = co_await profile_of(worker, user_id);
    const std::vector<callbacks::ThirdPartyID> ids =
        co_await worker.database().read("third_party_ids_of", &third_party_ids_of, user_id);
    JsonDict answer;
    answer["name"] = user_id;
    answer["displayname"] = nullptr;
    answer["avatar_url"] = nullptr;
    if (profile.display_name) answer["displayname"] = *profile.display_name;
    if (profile.avatar_url) answer["avatar_url"] = *profile.avatar_url;
    answer["threepids"] = described(ids);
    answer["admin"] = account->admin;
    answer["deactivated"] = account->deactivated;
    answer["is_guest"] = account->is_guest;
    answer["shadow_banned"] = account->shadow_banned;
    co_return answer;
}

async::task<Response> get_user(ServerWorker& worker, const RoutedRequest& request) {
    static_cast<void>(co_await authenticate_admin(worker, request));
    JsonDict answer = co_await describe(worker, local_user(worker, request, "Can only look up local users"));
    co_return ok(std::move(answer));
}

async::task<Response> put_user(ServerWorker& worker, const RoutedRequest& request) {
    const Requester requester = co_await authenticate_admin(worker, request);
    const std::string user_id = local_user(worker, request, "This endpoint can only be used with local users");
    UserChange change = read_change(user_id, required_json_body(request));
    if (user_id == requester.user.to_string()) change.kept_device = requester.device_id;
    const std::optional<Account> before = co_await worker.database().read("find_account", &find_account, user_id);
    if (change.third_party_ids) co_await require_assignable(worker, user_id, *change.third_party_ids);
    if (change.password) change.password_hash = co_await hash_password(worker, *change.password);
    if (before) {
        co_await to_the_end(change_user(worker, std::move(change), *before));
    } else {
        co_await to_the_end(make_user(worker, std::move(change)));
    }
    const JsonDict answer = co_await describe(worker, user_id);
    co_return modapi::json_response(before ? 200 : 201, answer);
}

async::task<Response> delete_room(ServerWorker& worker, const RoutedRequest& request) {
    const Requester requester = co_await authenticate_admin(worker, request);
    const std::string& room_id = request.path_parameters.at(0);
    static_cast<void>(callbacks::RoomID(room_id));  // throws the 400 for what is none
    const JsonDict body = json_body(request);
    // A room that is gone can't be joined, and it always goes.
    for (const char* const flag : {"block", "purge", "force_purge"}) static_cast<void>(flag_member(body, flag, false));
    JsonDict answer = co_await to_the_end(shut_room_down(worker, requester.user.to_string(), room_id));
    co_return ok(std::move(answer));
}

}  // namespace

async::task<Requester> authenticate_admin(ServerWorker& worker, const RoutedRequest& request) {
    Requester requester = co_await authenticate(worker, request);
    const bool is_admin = co_await is_server_admin(worker, requester.user.to_string());
    if (!is_admin) throw SynapseError(403, "You are not a server admin", Codes::FORBIDDEN);
    co_return requester;
}

void add_admin_endpoints(Router& router) {
    add_admin_registration_endpoints(router);
    add_background_update_endpoints(router);
    add_module_endpoints(router);
    router.add("POST", "/_synapse/admin/v1/deactivate/{user_id}", &deactivate_user);
    router.add("GET", "/_synapse/admin/v2/users/{user_id}", &get_user);
    router.add("PUT", "/_synapse/admin/v2/users/{user_id}", &put_user);
    router.add("DELETE", "/_synapse/admin/v1/rooms/{room_id}", &delete_room);
}

}  // namespace homeserver
