#include "checked_arguments.h"
#include "nested_call.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>
#include <callbacks/text.h>

#include <stdexcept>
#include <utility>

namespace modapi {

using async::task;
using callbacks::UserID;

task<callbacks::RegisteredDevice> ModuleApi::register_device(std::string user_id, std::optional<std::string> device_id,
                                                             std::optional<std::string> initial_display_name) {
    modapi::refuse_in_shadow(co_await async::this_context, "register_device");
    UserID user = user_with_account(std::move(user_id), server_name());
    require_text(device_id, "device_id");
    require_text(initial_display_name, "initial_display_name");
    task<callbacks::RegisteredDevice> registering =
        environment_.server.sessions().register_device(std::move(user), std::move(device_id), std::move(initial_display_name));
    co_return co_await std::move(registering);
}

task<std::string> ModuleApi::create_login_token(std::string user_id, std::int64_t duration_in_ms,
                                                std::optional<std::string> auth_provider_id,
                                                std::optional<std::string> auth_provider_session_id) {
    modapi::refuse_in_shadow(co_await async::this_context, "create_login_token");
    if (duration_in_ms < 1) throw std::invalid_argument("create_login_token: a token lasts at least 1 ms");
    UserID user = user_with_account(std::move(user_id), server_name());
    require_text(auth_provider_id, "auth_provider_id");
    require_text(auth_provider_session_id, "auth_provider_session_id");
    task<std::string> creating = environment_.server.sessions().create_login_token(
        std::move(user), duration_in_ms, std::move(auth_provider_id), std::move(auth_provider_session_id));
    co_return co_await std::move(creating);
}

task<void> ModuleApi::invalidate_access_token(std::string access_token) {
    modapi::refuse_in_shadow(co_await async::this_context, "invalidate_access_token");
    if (!callbacks::is_storable_text(access_token))
        throw callbacks::SynapseError(401, "Invalid access token passed.", callbacks::Codes::UNKNOWN_TOKEN);
    task<void> invalidating = nested_call(ModuleCall("invalidate_access_token", environment_.place),
                                          environment_.server.sessions().invalidate_access_token(std::move(access_token)));
    co_await std::move(invalidating);
}

task<Response> ModuleApi::complete_sso_login_async(std::string registered_user_id, const Request& request,
                                                   std::string client_redirect_url, bool new_user,
                                                   std::string auth_provider_id) {
    modapi::refuse_in_shadow(co_await async::this_context, "complete_sso_login_async");
    UserID user = user_with_account(std::move(registered_user_id), server_name());
    require_text(auth_provider_id, "auth_provider_id");
    task<Response> completing =
        nested_call(ModuleCall("complete_sso_login_async", environment_.place),
                    environment_.server.sessions().complete_sso_login(std::move(user), request, std::move(client_redirect_url),
                                                                      new_user, std::move(auth_provider_id)));
    co_return co_await std::move(completing);
}

task<callbacks::Requester> ModuleApi::get_user_by_req(const Request& request, bool allow_guest, bool allow_expired) {
    task<callbacks::Requester> asking =
        nested_call(ModuleCall::that_reads("get_user_by_req", environment_.place),
                    environment_.server.sessions().get_user_by_req(request, allow_guest, allow_expired));
    co_return co_await std::move(asking);
}

task<std::vector<callbacks::UserIpAndAgent>> ModuleApi::get_user_ip_and_agents(std::string user_id, std::int64_t since_ts) {
    if (!callbacks::is_storable_text(user_id)) co_return std::vector<callbacks::UserIpAndAgent>();
    task<std::vector<callbacks::UserIpAndAgent>> asking =
        environment_.server.sessions().get_user_ip_and_agents(std::move(user_id), since_ts);
    co_return co_await std::move(asking);
}

task<std::vector<std::pair<std::string, std::string>>> ModuleApi::get_monthly_active_users_by_service(
    std::optional<std::int64_t> start_timestamp, std::optional<std::int64_t> end_timestamp) {
    task<std::vector<std::pair<std::string, std::string>>> asking =
        environment_.server.sessions().get_monthly_active_users_by_service(start_timestamp, end_timestamp);
    co_return co_await std::move(asking);
}

}  // namespace modapi
