#include "nested_call.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using async::task;
using callbacks::UserID;

/// A user whom this server can keep something for. Errors: SynapseError 400, std::invalid_argument.
UserID local_user(const Homeserver& server, std::string user_id) {
    UserID user(std::move(user_id));
    if (user.domain() != server.server_name())
        throw std::invalid_argument(user.to_string() + " is not a user of this homeserver");
    return user;
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
    return environment_.server.accounts().check_user_exists(std::move(user_id));
}

task<std::optional<callbacks::UserInfo>> ModuleApi::get_userinfo_by_id(std::string user_id) {
    return environment_.server.accounts().get_userinfo_by_id(std::move(user_id));
}

task<std::vector<std::string>> ModuleApi::get_local_users(std::string after, int limit) {
    if (limit < 1) throw std::invalid_argument("get_local_users: the limit is at least 1");
    return environment_.server.accounts().get_local_users(std::move(after), limit);
}

task<bool> ModuleApi::is_user_admin(std::string user_id) {
    return environment_.server.accounts().is_user_admin(UserID(std::move(user_id)));
}

task<void> ModuleApi::set_user_admin(std::string user_id, bool admin) {
    return environment_.server.accounts().set_user_admin(UserID(std::move(user_id)), admin);
}

task<void> ModuleApi::check_username(std::string username) {
    return environment_.server.accounts().check_username(std::move(username));
}

task<std::string> ModuleApi::register_user(std::string localpart, std::optional<std::string> displayname,
                                           std::vector<std::string> emails, bool admin) {
    return environment_.server.accounts().register_user(std::move(localpart), std::move(displayname), std::move(emails), admin);
}

task<std::pair<std::string, std::string>> ModuleApi::register_(std::string localpart, std::optional<std::string> displayname,
                                                               std::vector<std::string> emails) {
    spdlog::warn("module {} calls register, which is deprecated: register_user and register_device do its parts", module_name_);
    const std::string user_id = co_await register_user(std::move(localpart), std::move(displayname), std::move(emails));
    const callbacks::RegisteredDevice device = co_await register_device(user_id);
    co_return std::pair(user_id, device.access_token);
}

task<callbacks::RegisteredDevice> ModuleApi::register_device(std::string user_id, std::optional<std::string> device_id,
                                                             std::optional<std::string> initial_display_name) {
    return environment_.server.sessions().register_device(UserID(std::move(user_id)), std::move(device_id),
                                                          std::move(initial_display_name));
}

task<void> ModuleApi::record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                              std::string registered_user_id) {
    return environment_.server.accounts().record_user_external_id(
        std::move(auth_provider_id), std::move(remote_user_id), local_user(environment_.server, std::move(registered_user_id)));
}

task<std::string> ModuleApi::create_login_token(std::string user_id, std::int64_t duration_in_ms,
                                                std::optional<std::string> auth_provider_id,
                                                std::optional<std::string> auth_provider_session_id) {
    if (duration_in_ms < 1) throw std::invalid_argument("create_login_token: a token lasts at least 1 ms");
    return environment_.server.sessions().create_login_token(UserID(std::move(user_id)), duration_in_ms,
                                                             std::move(auth_provider_id), std::move(auth_provider_session_id));
}

task<void> ModuleApi::invalidate_access_token(std::string access_token) {
    return environment_.server.sessions().invalidate_access_token(std::move(access_token));
}

task<Response> ModuleApi::complete_sso_login_async(std::string registered_user_id, const Request& request,
                                                   std::string client_redirect_url, bool new_user,
                                                   std::string auth_provider_id) {
    return environment_.server.sessions().complete_sso_login(
        UserID(std::move(registered_user_id)), request, std::move(client_redirect_url), new_user, std::move(auth_provider_id));
}

task<callbacks::Requester> ModuleApi::get_user_by_req(const Request& request, bool allow_guest, bool allow_expired) {
    return environment_.server.sessions().get_user_by_req(request, allow_guest, allow_expired);
}

task<callbacks::ProfileInfo> ModuleApi::get_profile_for_user(std::string localpart) {
    return environment_.server.accounts().get_profile_for_user(std::move(localpart));
}

task<void> ModuleApi::set_displayname(UserID user_id, std::string new_displayname, bool deactivation) {
    return nested_call("set_displayname", environment_.server.accounts().set_displayname(
                                              std::move(user_id), std::move(new_displayname), deactivation));
}

task<std::vector<callbacks::ThirdPartyID>> ModuleApi::get_threepids_for_user(std::string user_id) {
    return environment_.server.accounts().get_threepids_for_user(std::move(user_id));
}

task<void> ModuleApi::store_remote_3pid_association(std::string user_id, std::string medium, std::string address,
                                                    std::string id_server) {
    return environment_.server.accounts().store_remote_3pid_association(
        local_user(environment_.server, std::move(user_id)), std::move(medium), std::move(address), std::move(id_server));
}

task<std::vector<callbacks::UserIpAndAgent>> ModuleApi::get_user_ip_and_agents(std::string user_id, std::int64_t since_ts) {
    return environment_.server.sessions().get_user_ip_and_agents(std::move(user_id), since_ts);
}

task<std::vector<std::pair<std::string, std::string>>> ModuleApi::get_monthly_active_users_by_service(
    std::optional<std::int64_t> start_timestamp, std::optional<std::int64_t> end_timestamp) {
    return environment_.server.sessions().get_monthly_active_users_by_service(start_timestamp, end_timestamp);
}

task<void> ModuleApi::deactivate_user(std::string user_id, bool erase) {
    return environment_.server.accounts().deactivate_user(UserID(std::move(user_id)), erase);
}

task<std::shared_ptr<const callbacks::JsonDict>> AccountDataManager::get_global(std::string user_id, std::string data_type) {
    return server_.accounts().get_global_account_data(local_user(server_, std::move(user_id)), std::move(data_type));
}

task<void> AccountDataManager::put_global(std::string user_id, std::string data_type, callbacks::JsonDict new_data) {
    return nested_call("account_data_manager.put_global",
                       server_.accounts().put_global_account_data(local_user(server_, std::move(user_id)), std::move(data_type),
                                                                  std::move(new_data)));
}

}  // namespace modapi
