#pragma once

#include <modapi/web_resource.h>

#include <callbacks/user_info.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

/// What a host does with logins, tokens and requests for ModuleApi: its methods of the same name say what each does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's. A request outlives its task.
///
/// ModuleApi has checked before: a `UserID` is of this server, texts are UTF-8 without NUL characters, a login token lasts at
/// least 1 ms. What only the host can check:
/// - whether the user is there: SynapseError 404 "No row found", and may be used: 403 `M_USER_DEACTIVATED`
/// - whether a token is known: 401 `M_UNKNOWN_TOKEN`; who has it: 403 for guests and expired accounts
/// - the length of a device id, and what URL a client may have: 400 `M_INVALID_PARAM`
class SessionServices {
public:
    virtual ~SessionServices() = default;

    /// Whose request it is, by its token.
    [[nodiscard]] virtual async::task<callbacks::Requester> get_user_by_req(const Request& request, bool allow_guest,
                                                                            bool allow_expired);
    /// Makes a session for a user, on a new device or a known one.
    [[nodiscard]] virtual async::task<callbacks::RegisteredDevice> register_device(
        callbacks::UserID user, std::optional<std::string> device_id, std::optional<std::string> initial_display_name);
    /// A token with which the user's client logs in once.
    [[nodiscard]] virtual async::task<std::string> create_login_token(callbacks::UserID user, std::int64_t duration_in_ms,
                                                                      std::optional<std::string> auth_provider_id,
                                                                      std::optional<std::string> auth_provider_session_id);
    /// Ends a session by its token; nothing for an unknown one.
    [[nodiscard]] virtual async::task<void> invalidate_access_token(std::string access_token);
    /// The response that sends the client of a single sign-on on its way.
    [[nodiscard]] virtual async::task<Response> complete_sso_login(callbacks::UserID registered_user, const Request& request,
                                                                   std::string client_redirect_url, bool new_user,
                                                                   std::string auth_provider_id);
    /// `since_ts` in milliseconds since 1970.
    [[nodiscard]] virtual async::task<std::vector<callbacks::UserIpAndAgent>> get_user_ip_and_agents(std::string user_id,
                                                                                                     std::int64_t since_ts);
    /// Pairs of service id and user id. Times in milliseconds since 1970, inclusive.
    [[nodiscard]] virtual async::task<std::vector<std::pair<std::string, std::string>>> get_monthly_active_users_by_service(
        std::optional<std::int64_t> start_timestamp, std::optional<std::int64_t> end_timestamp);
};

}  // namespace modapi
