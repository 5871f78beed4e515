#include "checked_arguments.h"
#include "nested_call.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>
#include <callbacks/storable_json.h>
#include <callbacks/text.h>

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using async::task;
using callbacks::UserID;

task<void> change_displayname(Homeserver& server, UserID user, std::string new_displayname) {
    require_text(user.to_string(), "the id");
    if (user.domain() != server.server_name()) throw callbacks::ForeignUserError(400, "User is not hosted on this homeserver");
    if (!callbacks::is_storable_text(new_displayname)) throw callbacks::SynapseError(400, "Displayname is no UTF-8 text");
    task<void> setting = server.accounts().set_displayname(std::move(user), std::move(new_displayname));
    co_await std::move(setting);
}

task<void> put_account_data(Homeserver& server, std::string user_id, std::string data_type, callbacks::JsonDict new_data) {
    UserID user = local_user(std::move(user_id), server.server_name());
    if (!callbacks::is_storable_text(data_type)) throw std::invalid_argument("the type of account data is no text");
    callbacks::require_storable(new_data);
    task<void> putting = server.accounts().put_global_account_data(std::move(user), std::move(data_type), std::move(new_data));
    co_await std::move(putting);
}

}  // namespace

std::string ModuleApi::get_qualified_user_id(std::string_view username) const {
    if (username.starts_with('@')) return std::string(username);
    return "@" + std::string(username) + ":" + server_name();
}

bool ModuleApi::is_mine(std::string_view identifier) const noexcept {
    const std::size_t colon = identifier.find(':');
    return colon != std::string_view::npos && identifier.substr(colon + 1) == server_name();
}

bool ModuleApi::is_mine(const callbacks::Identifier& identifier) const noexcept { return identifier.domain() == server_name(); }

task<std::optional<std::string>> ModuleApi::check_user_exists(std::string user_id) {
    if (!callbacks::is_storable_text(user_id)) co_return std::nullopt;
    task<std::optional<std::string>> asking = environment_.server.accounts().check_user_exists(std::move(user_id));
    co_return co_await std::move(asking);
}

task<std::optional<callbacks::UserInfo>> ModuleApi::get_userinfo_by_id(std::string user_id) {
    if (!callbacks::is_storable_text(user_id)) co_return std::nullopt;
    task<std::optional<callbacks::UserInfo>> asking = environment_.server.accounts().get_userinfo_by_id(std::move(user_id));
    co_return co_await std::move(asking);
}

task<std::vector<std::string>> ModuleApi::get_local_users(std::string after, int limit) {
    if (limit < 1) throw std::invalid_argument("get_local_users: the limit is at least 1");
    require_text(after, "the id");
    task<std::vector<std::string>> asking = environment_.server.accounts().get_local_users(std::move(after), limit);
    co_return co_await std::move(asking);
}

task<std::vector<callbacks::UserInfo>> ModuleApi::list_local_users(UserOrder order, int limit,
                                                                   std::optional<callbacks::UserInfo> after) {
    if (limit < 1) throw std::invalid_argument("list_local_users: the limit is at least 1");
    if (after) require_text(after->user_id.to_string(), "the id");
    task<std::vector<callbacks::UserInfo>> asking =
        environment_.server.accounts().list_local_users(order, std::move(after), limit);
    co_return co_await std::move(asking);
}

task<bool> ModuleApi::is_user_admin(std::string user_id) {
    task<bool> asking = environment_.server.accounts().is_user_admin(parsed_user(std::move(user_id)));
    co_return co_await std::move(asking);
}

task<void> ModuleApi::set_user_admin(std::string user_id, bool admin) {
    modapi::refuse_in_shadow(co_await async::this_context, "set_user_admin");
    task<void> setting =
        environment_.server.accounts().set_user_admin(user_with_account(std::move(user_id), server_name()), admin);
    co_await std::move(setting);
}

task<void> ModuleApi::check_username(std::string username) {
    task<void> checking = environment_.server.accounts().check_username(std::move(username));
    co_await std::move(checking);
}

task<std::string> ModuleApi::register_user(std::string localpart, std::optional<std::string> displayname,
                                           std::vector<std::string> emails, bool admin) {
    modapi::refuse_in_shadow(co_await async::this_context, "register_user");
    require_text(displayname, "displayname");
    for (const std::string& email : emails) require_text(email, "an e-mail address");
    task<std::string> registering = nested_call(
        ModuleCall("register_user", environment_.place),
        environment_.server.accounts().register_user(std::move(localpart), std::move(displayname), std::move(emails), admin));
    co_return co_await std::move(registering);
}

task<std::pair<std::string, std::string>> ModuleApi::register_(std::string localpart, std::optional<std::string> displayname,
                                                               std::vector<std::string> emails) {
    framework_log().warn("module {} calls register, which is deprecated: register_user and register_device do its parts",
                         module_name_);
    const std::string user_id = co_await register_user(std::move(localpart), std::move(displayname), std::move(emails));
    const callbacks::RegisteredDevice device = co_await register_device(user_id);
    co_return std::pair(user_id, device.access_token);
}

task<void> ModuleApi::record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                              std::string registered_user_id) {
    modapi::refuse_in_shadow(co_await async::this_context, "record_user_external_id");
    UserID user = local_user(std::move(registered_user_id), server_name());
    require_text(auth_provider_id, "auth_provider_id");
    require_text(remote_user_id, "remote_user_id");
    task<void> recording = environment_.server.accounts().record_user_external_id(std::move(auth_provider_id),
                                                                                  std::move(remote_user_id), std::move(user));
    co_await std::move(recording);
}

task<callbacks::ProfileInfo> ModuleApi::get_profile_for_user(std::string localpart) {
    if (!callbacks::is_storable_text(localpart)) co_return callbacks::ProfileInfo();
    task<callbacks::ProfileInfo> asking = environment_.server.accounts().get_profile_for_user(std::move(localpart));
    co_return co_await std::move(asking);
}

task<void> ModuleApi::set_displayname(UserID user_id, std::string new_displayname) {
    return nested_call(ModuleCall("set_displayname", environment_.place, 1),
                       change_displayname(environment_.server, std::move(user_id), std::move(new_displayname)));
}

task<void> ModuleApi::set_displayname(UserID user_id, std::string new_displayname, bool /*deactivation*/) {
    framework_log().error(
        "module {}: set_displayname: `deactivation` has no effect any more, and will be an error: leave it out", module_name_);
    return set_displayname(std::move(user_id), std::move(new_displayname));
}

task<std::vector<callbacks::ThirdPartyID>> ModuleApi::get_threepids_for_user(std::string user_id) {
    if (!callbacks::is_storable_text(user_id)) co_return std::vector<callbacks::ThirdPartyID>();
    task<std::vector<callbacks::ThirdPartyID>> asking =
        environment_.server.accounts().get_threepids_for_user(std::move(user_id));
    co_return co_await std::move(asking);
}

task<void> ModuleApi::store_remote_3pid_association(std::string user_id, std::string medium, std::string address,
                                                    std::string id_server) {
    modapi::refuse_in_shadow(co_await async::this_context, "store_remote_3pid_association");
    UserID user = local_user(std::move(user_id), server_name());
    require_text(medium, "medium");
    require_text(address, "address");
    require_text(id_server, "id_server");
    task<void> storing = environment_.server.accounts().store_remote_3pid_association(std::move(user), std::move(medium),
                                                                                      std::move(address), std::move(id_server));
    co_await std::move(storing);
}

task<void> ModuleApi::deactivate_user(std::string user_id, bool erase) {
    modapi::refuse_in_shadow(co_await async::this_context, "deactivate_user");
    task<void> deactivating = nested_call(
        ModuleCall("deactivate_user", environment_.place),
        environment_.server.accounts().deactivate_user(user_with_account(std::move(user_id), server_name()), erase));
    co_await std::move(deactivating);
}

task<std::shared_ptr<const callbacks::JsonDict>> AccountDataManager::get_global(std::string user_id, std::string data_type) {
    UserID user = local_user(std::move(user_id), server_.server_name());
    if (!callbacks::is_storable_text(data_type)) co_return nullptr;
    task<std::shared_ptr<const callbacks::JsonDict>> asking =
        server_.accounts().get_global_account_data(std::move(user), std::move(data_type));
    co_return co_await std::move(asking);
}

task<void> AccountDataManager::put_global(std::string user_id, std::string data_type, callbacks::JsonDict new_data) {
    return nested_call(ModuleCall("account_data_manager.put_global", worker_),
                       put_account_data(server_, std::move(user_id), std::move(data_type), std::move(new_data)));
}

}  // namespace modapi
