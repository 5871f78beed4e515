#include "admin/admin.h"

#include "access/authentication.h"
#include "account_changes/assigned_third_party_ids.h"
#include "account_changes/deactivation.h"
#include "account_changes/new_user.h"
#include "account_changes/password_change.h"
#include "account_changes/third_party_id_changes.h"
#include "accounts/accounts.h"
#include "accounts/password_hash.h"
#include "accounts/stored_profile.h"
#include "addresses/third_party_ids.h"
#include "admin/admin_authentication.h"
#include "admin/admin_background_updates.h"
#include "admin/admin_decisions.h"
#include "admin/admin_metrics.h"
#include "admin/admin_modules.h"
#include "admin/admin_rate_overrides.h"
#include "admin/admin_registration.h"
#include "admin/inspector_page.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "profiles/profile.h"
#include "rooms/shutdown.h"
#include "sessions/devices.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <functional>
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
std::string local_user(const ServerName& server_name, const RoutedRequest& request, const char* refusal) {
    const std::string user_id = user_parameter(request, 0).to_string();
    if (!server_name.owns(user_id)) throw SynapseError(400, refusal);
    return user_id;
}

async::task<Response> deactivate_user(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                      const ServerName& server_name, Deactivation& deactivation) {
    const Requester requester = co_await authenticate_admin(authentication, database, request);
    const std::string user_id = local_user(server_name, request, "Can only deactivate local users");
    const JsonDict body = json_body(request);
    const bool erase = flag_member(body, "erase", false);
    const bool exists = co_await user_exists(database, user_id);
    if (!exists) throw SynapseError(404, "User not found", Codes::NOT_FOUND);
    const bool by_admin = true;
    co_await to_the_end(deactivation.deactivate(user_id, erase, by_admin, while_admin(requester)));
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
    std::optional<bool> locked;
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
    change.locked = optional_flag(body, "locked");
    change.logout_devices = flag_member(body, "logout_devices", true);
    return change;
}

/// What one transaction changes: the sessions that it ended, of which modules are to be told.
RemovedTokens store_flags(Transaction& transaction, const UserChange& change,
                          const std::function<void(Transaction&)>& require) {
    if (require) require(transaction);
    if (change.admin) mark_admin(transaction, change.user_id, *change.admin);
    if (change.locked) mark_locked(transaction, change.user_id, *change.locked);
    if (!change.password_hash) return {};
    NewPassword password;
    password.user_id = change.user_id;
    password.password_hash = *change.password_hash;
    password.logout_devices = change.logout_devices;
    password.kept_device = change.kept_device;
    return set_password(transaction, password);
}

async::task<void> change_user(modapi::Database& database, Sessions& sessions, Profiles& profiles,
                              ThirdPartyIdChanges& third_party_id_changes, Deactivation& deactivation, UserChange change,
                              Account before, std::function<void(Transaction&)> require) {
    const bool reactivates = change.deactivated == false && before.deactivated;
    if (reactivates && !change.password) throw SynapseError(400, "Must provide a password to re-activate an account.");
    RemovedTokens tokens = co_await database.run("change_user", &store_flags, change, require);
    if (!tokens.empty()) co_await sessions.tell_logged_out(change.user_id, std::move(tokens));
    else if (change.locked == true) co_await sessions.end_syncs(change.user_id);
    // What this request itself did to its sender's rights and sessions doesn't end it.
    if (change.admin == false || change.locked == true || change.password_hash) require = nullptr;
    if (change.third_party_ids)
        co_await assign_third_party_ids(database, third_party_id_changes, change.user_id, *change.third_party_ids);
    if (change.display_name) co_await profiles.set_display_name(change.user_id, *change.display_name);
    if (change.avatar_url) co_await profiles.set_avatar_url(change.user_id, *change.avatar_url);
    const bool erase = false;
    const bool by_admin = true;
    if (change.deactivated == true && !before.deactivated)
        co_await deactivation.deactivate(change.user_id, erase, by_admin, std::move(require));
    if (reactivates) co_await deactivation.reactivate(change.user_id);
}

async::task<void> make_user(modapi::Database& database, Sessions& sessions, Profiles& profiles, UserCreation& user_creation,
                            ThirdPartyIdChanges& third_party_id_changes, Deactivation& deactivation, UserChange change) {
    NewUser user;
    user.localpart = std::string(callbacks::localpart_of(change.user_id));
    user.password_hash = change.password_hash;
    user.display_name = change.display_name;
    user.admin = change.admin.value_or(false);
    co_await user_creation.register_user(std::move(user));
    // What an account is made with isn't a change of it.
    change.password_hash.reset();
    change.display_name.reset();
    change.admin.reset();
    co_await change_user(database, sessions, profiles, third_party_id_changes, deactivation, std::move(change), Account(),
                         nullptr);
}

async::task<JsonDict> describe(modapi::Database& database, std::string user_id) {
    const std::optional<Account> account = co_await database.read("find_account", &find_account, user_id);
    if (!account) throw SynapseError(404, "User not found", Codes::NOT_FOUND);
    const callbacks::ProfileInfo profile = co_await profile_of(database, user_id);
    const std::vector<callbacks::ThirdPartyID> ids = co_await database.read("third_party_ids_of", &third_party_ids_of, user_id);
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
    answer["locked"] = account->locked;
    answer["suspended"] = account->suspended;
    co_return answer;
}

async::task<Response> get_user(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                               const ServerName& server_name) {
    static_cast<void>(co_await authenticate_admin(authentication, database, request));
    JsonDict answer = co_await describe(database, local_user(server_name, request, "Can only look up local users"));
    co_return ok(std::move(answer));
}

async::task<Response> put_user(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                               const ServerName& server_name, const HostPool& host_pool, Sessions& sessions, Profiles& profiles,
                               UserCreation& user_creation, ThirdPartyIdChanges& third_party_id_changes,
                               Deactivation& deactivation) {
    const Requester requester = co_await authenticate_admin(authentication, database, request);
    const std::string user_id = local_user(server_name, request, "This endpoint can only be used with local users");
    UserChange change = read_change(user_id, required_json_body(request));
    if (user_id == requester.user.to_string()) change.kept_device = requester.device_id;
    const std::optional<Account> before = co_await database.read("find_account", &find_account, user_id);
    if (change.third_party_ids) co_await require_assignable(database, user_id, *change.third_party_ids);
    if (change.password) change.password_hash = co_await hash_password(host_pool, *change.password);
    if (before) {
        co_await to_the_end(
            change_user(database, sessions, profiles, third_party_id_changes, deactivation, std::move(change), *before,
                        while_admin(requester)));
    } else {
        co_await to_the_end(
            make_user(database, sessions, profiles, user_creation, third_party_id_changes, deactivation, std::move(change)));
    }
    const JsonDict answer = co_await describe(database, user_id);
    co_return modapi::json_response(before ? 200 : 201, answer);
}

/// False: there is no such account.
bool suspend_if_admin(Transaction& transaction, const Requester& requester, const std::string& user_id, bool suspended) {
    while_admin(requester)(transaction);
    return mark_suspended(transaction, user_id, suspended);
}

async::task<Response> suspend_user(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   const ServerName& server_name, Sessions& sessions) {
    const Requester requester = co_await authenticate_admin(authentication, database, request);
    const std::string user_id = local_user(server_name, request, "Only local users can be suspended");
    const JsonDict body = required_json_body(request);
    if (!body.contains("suspend")) throw SynapseError(400, "Missing key 'suspend'", Codes::MISSING_PARAM);
    const bool suspended = flag_member(body, "suspend", false);
    const bool exists = co_await database.run("suspend_user", &suspend_if_admin, requester, user_id, suspended);
    if (!exists) throw SynapseError(404, "User not found", Codes::NOT_FOUND);
    co_await sessions.known_everywhere();
    JsonDict answer;
    answer["user_" + user_id + "_suspended"] = suspended;
    co_return ok(std::move(answer));
}

async::task<Response> delete_room(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                  RoomShutdown& room_shutdown) {
    const Requester requester = co_await authenticate_admin(authentication, database, request);
    const std::string& room_id = request.path_parameters.at(0);
    static_cast<void>(callbacks::RoomID(room_id));  // throws the 400 for what is none
    const JsonDict body = json_body(request);
    // A room that is gone can't be joined, and it always goes.
    for (const char* const flag : {"block", "purge", "force_purge"}) static_cast<void>(flag_member(body, flag, false));
    JsonDict answer = co_await to_the_end(room_shutdown.shut_down_in_turn(requester.user.to_string(), room_id, while_admin(requester)));
    co_return ok(std::move(answer));
}

}  // namespace

void add_admin_endpoints(Router& router) {
    add_admin_registration_endpoints(router);
    add_background_update_endpoints(router);
    add_module_endpoints(router);
    add_decision_endpoints(router);
    add_admin_metrics_endpoint(router);
    add_inspector_page(router);
    add_rate_override_endpoints(router);
    router.add("POST", "/_synapse/admin/v1/deactivate/{user_id}", &deactivate_user);
    router.add("PUT", "/_synapse/admin/v1/suspend/{user_id}", &suspend_user);
    router.add("GET", "/_synapse/admin/v2/users/{user_id}", &get_user);
    router.add("PUT", "/_synapse/admin/v2/users/{user_id}", &put_user);
    router.add("DELETE", "/_synapse/admin/v1/rooms/{room_id}", &delete_room);
}

}  // namespace homeserver
