#include "module_services/module_accounts.h"

#include "account_changes/deactivation.h"
#include "account_changes/new_user.h"
#include "account_changes/third_party_id_changes.h"
#include "account_data/account_data.h"
#include "accounts/accounts.h"
#include "accounts/stored_profile.h"
#include "addresses/login_identifier.h"
#include "addresses/third_party_ids.h"
#include "http/requests.h"
#include "profiles/profile.h"

#include <async/clock.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace homeserver {

namespace {

using async::task;
using callbacks::JsonDict;
using callbacks::UserID;
using modapi::Transaction;

std::vector<std::string> find_users_behind(Transaction& transaction, const std::string& after, int limit) {
    auto rows =
        transaction.query<std::string>("SELECT user_id FROM users WHERE user_id > ? ORDER BY user_id LIMIT ?", after, limit);
    std::vector<std::string> users;
    users.reserve(rows.size());
    for (auto& [user_id] : rows) users.push_back(std::move(user_id));
    return users;
}

/// Where a list of users goes on, in one statement for each order.
std::vector<callbacks::UserInfo> list_users(Transaction& transaction, modapi::UserOrder order,
                                            const std::optional<callbacks::UserInfo>& after, int limit) {
    const bool by_id = order == modapi::UserOrder::by_id;
    const bool is_backwards = order == modapi::UserOrder::newest_first;
    const std::string key = by_id ? "(user_id)" : "(creation_ts, user_id)";
    const std::string direction = is_backwards ? " DESC" : "";
    const std::string condition = after ? " WHERE " + key + (is_backwards ? " < " : " > ") + (by_id ? "(?)" : "(?, ?)") : "";
    const std::string order_by = (by_id ? "" : "creation_ts" + direction + ", ") + "user_id" + direction;
    const std::string sql =
        "SELECT " + std::string(user_info_columns) + " FROM users" + condition + " ORDER BY " + order_by + " LIMIT ?";
    if (!after) return user_infos(transaction, sql, limit);
    const std::string after_id = after->user_id.to_string();
    if (by_id) return user_infos(transaction, sql, after_id, limit);
    return user_infos(transaction, sql, after->creation_ts, after_id, limit);
}

/// False: the provider's id is recorded already.
bool insert_external_id(Transaction& transaction, const std::string& provider, const std::string& external_id,
                        const std::string& user_id) {
    return transaction.execute(
               "INSERT INTO user_external_ids (auth_provider, external_id, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
               provider, external_id, user_id) != 0;
}

void insert_remote_association(Transaction& transaction, const std::string& user_id, const std::string& medium,
                               const std::string& address, const std::string& id_server) {
    transaction.execute(
        "INSERT INTO user_threepid_id_server (user_id, medium, address, id_server) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        user_id, medium, address, id_server);
}

/// Each address once.
std::vector<std::string> canonical_emails(const std::vector<std::string>& emails) {
    std::vector<std::string> addresses;
    for (const std::string& email : emails) {
        std::string address = canonical_email(email);
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(std::move(address));
    }
    return addresses;
}

/// From the account's row on.
task<std::string> register_with_emails(UserCreation& user_creation, ThirdPartyIdChanges& third_party_id_changes, NewUser user,
                                       std::vector<std::string> emails) {
    const std::string user_id = co_await user_creation.register_user(std::move(user));
    for (const std::string& address : emails) {
        NewThirdPartyId id;
        id.medium = "email";
        id.address = address;
        id.require = while_usable(user_id);
        co_await third_party_id_changes.add(user_id, std::move(id));
    }
    co_return user_id;
}

}  // namespace

task<std::optional<std::string>> ModuleAccounts::check_user_exists(std::string user_id) {
    const std::optional<Account> account =
        co_await database_.read("check_user_exists", &find_account_ignoring_case, std::move(user_id));
    if (!account) co_return std::nullopt;
    co_return account->user_id;
}

task<std::optional<callbacks::UserInfo>> ModuleAccounts::get_userinfo_by_id(std::string user_id) {
    return database_.read("get_userinfo_by_id", &find_user_info, std::move(user_id));
}

task<std::vector<std::string>> ModuleAccounts::get_local_users(std::string after, int limit) {
    return database_.read("get_local_users", &find_users_behind, std::move(after), limit);
}

task<std::vector<callbacks::UserInfo>> ModuleAccounts::list_local_users(modapi::UserOrder order,
                                                                        std::optional<callbacks::UserInfo> after, int limit) {
    return database_.read("list_local_users", &list_users, order, std::move(after), limit);
}

task<bool> ModuleAccounts::is_user_admin(UserID user) { return is_server_admin(database_, user.to_string()); }

task<void> ModuleAccounts::set_user_admin(UserID user, bool admin) {
    return set_server_admin(database_, user.to_string(), admin);
}

task<void> ModuleAccounts::check_username(std::string username) {
    return homeserver::check_username(database_, server_name_, std::move(username));
}

task<std::string> ModuleAccounts::register_user(std::string localpart, std::optional<std::string> displayname,
                                                std::vector<std::string> emails, bool admin) {
    std::vector<std::string> addresses = canonical_emails(emails);
    for (const std::string& address : addresses) co_await require_free(database_, "email", address);
    NewUser user;
    user.localpart = std::move(localpart);
    user.display_name = std::move(displayname);
    user.admin = admin;
    std::string user_id = co_await to_the_end(
        register_with_emails(user_creation_, third_party_id_changes_, std::move(user), std::move(addresses)));
    co_return user_id;
}

task<void> ModuleAccounts::deactivate_user(UserID user, bool erase) {
    const bool exists = co_await user_exists(database_, user.to_string());
    if (!exists) throw callbacks::SynapseError(404, "No row found");
    const bool by_admin = true;
    co_await to_the_end(deactivation_.deactivate(user.to_string(), erase, by_admin, nullptr));
}

task<callbacks::ProfileInfo> ModuleAccounts::get_profile_for_user(std::string localpart) {
    return profile_of(database_, "@" + localpart + ":" + server_name_.text());
}

task<void> ModuleAccounts::set_displayname(UserID user, std::string new_displayname) {
    return to_the_end(profiles_.set_display_name(user.to_string(), std::move(new_displayname)));
}

task<std::vector<callbacks::ThirdPartyID>> ModuleAccounts::get_threepids_for_user(std::string user_id) {
    return database_.read("get_threepids_for_user", &third_party_ids_of, std::move(user_id));
}

task<void> ModuleAccounts::store_remote_3pid_association(UserID user, std::string medium, std::string address,
                                                         std::string id_server) {
    return database_.run("store_remote_3pid_association", &insert_remote_association, user.to_string(), std::move(medium),
                         std::move(address), std::move(id_server));
}

task<void> ModuleAccounts::record_user_external_id(std::string auth_provider_id, std::string remote_user_id, UserID user) {
    const bool is_new = co_await database_.run("record_user_external_id", &insert_external_id, auth_provider_id, remote_user_id,
                                               user.to_string());
    if (is_new) co_return;
    throw callbacks::ExternalIDReuseException("the id " + remote_user_id + " of " + auth_provider_id + " is recorded already");
}

task<std::shared_ptr<const JsonDict>> ModuleAccounts::get_global_account_data(UserID user, std::string data_type) {
    std::optional<JsonDict> content = co_await global_account_data(database_, user.to_string(), std::move(data_type));
    if (!content) co_return nullptr;
    co_return std::make_shared<const JsonDict>(std::move(*content));
}

task<void> ModuleAccounts::put_global_account_data(UserID user, std::string data_type, JsonDict new_data) {
    const bool exists = co_await user_exists(database_, user.to_string());
    if (!exists) throw std::invalid_argument(user.to_string() + " is not registered");
    co_await to_the_end(account_data_.put_global(user.to_string(), std::move(data_type), std::move(new_data)));
}

}  // namespace homeserver
