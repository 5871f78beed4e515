#pragma once

#include <callbacks/auth_result.h>
#include <callbacks/category.h>
#include <callbacks/error_rules.h>
#include <callbacks/json.h>

#include <optional>
#include <string>

namespace callbacks {

/// Contract: password_auth_provider_callbacks.
template <MODAPI_CALLBACK_KIND>
struct PasswordAuthProviderCategory {
    static constexpr std::string_view category_name = "password auth provider";

    /// For a login of the registered type that carries the registered fields. `user` is as the client sent it; `login_dict`
    /// holds exactly those fields. A type has one list of fields: another module's other list refuses to start.
    Callback<"auth_checkers",
             std::optional<AuthResult>(const std::string& user, const std::string& login_type, const JsonDict& login_dict),
             since<"1.46.0", first_value>, skip, LoginType>
        auth_checkers{};

    /// For a login by third-party id, before the host looks the id up.
    Callback<"check_3pid_auth",
             std::optional<AuthResult>(const std::string& medium, const std::string& address, const std::string& password),
             since<"1.46.0", about_an_address<first_value>>, skip>
        check_3pid_auth{};

    /// After a token is gone, once per token, before its pushers are deleted.
    Callback<"on_logged_out",
             void(const std::string& user_id, const std::optional<std::string>& device_id, const std::string& access_token),
             since<"1.46.0", run_all>, log_and_go_on>
        on_logged_out{};

    /// After UI authentication, before the account is made. The answer, lower-cased, replaces the requested localpart.
    Callback<"get_username_for_registration", std::optional<std::string>(const JsonDict& uia_results, const JsonDict& params),
             since<"1.52.0", first_value>, fail_500>
        get_username_for_registration{};

    /// At the same point. Nobody: the localpart.
    Callback<"get_displayname_for_registration",
             std::optional<std::string>(const JsonDict& uia_results, const JsonDict& params), since<"1.54.0", first_value>,
             fail_500>
        get_displayname_for_registration{};

    /// Before a validation is sent, and at the end of registration. False: 403 `M_THREEPID_DENIED`.
    Callback<"is_3pid_allowed", bool(const std::string& medium, const std::string& address, bool registration),
             since<"1.53.0", about_an_address<async::first_not<true>>>, fail_500>
        is_3pid_allowed{};
};

/// What a module registers.
using PasswordAuthProvider = PasswordAuthProviderCategory<async::slot>;
/// What a host calls.
using PasswordAuthProviderDispatch = PasswordAuthProviderCategory<async::dispatch>;

}  // namespace callbacks
