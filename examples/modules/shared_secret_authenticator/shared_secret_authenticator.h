#pragma once

#include <modapi/module_api.h>

#include <optional>
#include <string>
#include <string_view>

/// Logs anybody in who shows the token that a shared secret gives for the user: what other services of the operator use to act
/// for users whose passwords they don't know.
///
/// A port of `shared_secret_authenticator.SharedSecretAuthProvider`: an operator's entry for it loads unchanged. The token of a
/// user is the HMAC-SHA-512 of the full user id with the secret as key, in lower-case hexadecimal. Users are never created.
class SharedSecretAuthProvider {
public:
    struct Config {
        std::string shared_secret;
        bool com_devture_shared_secret_auth_support_enabled = true;  ///< the login type of its own, with the field `token`
        bool m_login_password_support_enabled = false;               ///< the token as a password
    };
    /// `shared_secret` is required and not empty; one of the two login types must be on.
    static Config parse_config(const modapi::ConfigSection& config);

    SharedSecretAuthProvider(Config config, modapi::ModuleApi& api);

private:
    using Answer = std::optional<callbacks::AuthResult>;

    async::task<Answer> check_token(const std::string& username, const std::string&, const callbacks::JsonDict& login_dict);
    async::task<Answer> check_password(const std::string& username, const std::string&, const callbacks::JsonDict& login_dict);
    async::task<Answer> check(const std::string& username, const callbacks::JsonValue& given);
    [[nodiscard]] bool is_token_of(std::string_view user_id, std::string_view given) const;

    Config config_;
    modapi::ModuleApi& api_;
};
