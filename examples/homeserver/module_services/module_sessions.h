#pragma once

#include "access/authentication.h"
#include "sessions/devices.h"
#include "sessions/session_settings.h"
#include "text/server_name.h"

#include <callbacks/account_validity.h>

#include <async/clock.h>

#include <modapi/database.h>
#include <modapi/services/session_services.h>

namespace homeserver {

/// Logins, tokens and requests for modules, by the operations that the endpoints use.
class ModuleSessions final : public modapi::SessionServices {
public:
    ModuleSessions(Authentication& authentication, modapi::Database& database, const async::clock& clock,
                   const ServerName& server_name, const SsoSettings& sso_settings,
                   callbacks::AccountValidityDispatch& account_validity, Sessions& sessions) noexcept
        : authentication_(authentication),
          database_(database),
          clock_(clock),
          server_name_(server_name),
          sso_settings_(sso_settings),
          account_validity_(account_validity),
          sessions_(sessions) {}

    [[nodiscard]] async::task<callbacks::Requester> get_user_by_req(const modapi::Request& request, bool allow_guest,
                                                                    bool allow_expired) override;
    [[nodiscard]] async::task<callbacks::RegisteredDevice> register_device(
        callbacks::UserID user, std::optional<std::string> device_id, std::optional<std::string> initial_display_name) override;
    [[nodiscard]] async::task<std::string> create_login_token(callbacks::UserID user, std::int64_t duration_in_ms,
                                                              std::optional<std::string> auth_provider_id,
                                                              std::optional<std::string> auth_provider_session_id) override;
    [[nodiscard]] async::task<void> invalidate_access_token(std::string access_token) override;
    [[nodiscard]] async::task<modapi::Response> complete_sso_login(callbacks::UserID registered_user,
                                                                   const modapi::Request& request,
                                                                   std::string client_redirect_url, bool new_user,
                                                                   std::string auth_provider_id) override;
    [[nodiscard]] async::task<std::vector<callbacks::UserIpAndAgent>> get_user_ip_and_agents(std::string user_id,
                                                                                             std::int64_t since_ts) override;
    [[nodiscard]] async::task<std::vector<std::pair<std::string, std::string>>> get_monthly_active_users_by_service(
        std::optional<std::int64_t> start_timestamp, std::optional<std::int64_t> end_timestamp) override;

private:
    Authentication& authentication_;
    modapi::Database& database_;
    const async::clock& clock_;
    const ServerName& server_name_;
    const SsoSettings& sso_settings_;
    callbacks::AccountValidityDispatch& account_validity_;
    Sessions& sessions_;
};

}  // namespace homeserver
