#include "shared_secret_authenticator.h"

#include <sodium.h>

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string hmac_sha512_in_hex(std::string_view key, std::string_view message) {
    crypto_auth_hmacsha512_state state;
    std::array<unsigned char, crypto_auth_hmacsha512_BYTES> code{};
    crypto_auth_hmacsha512_init(&state, bytes_of(key), key.size());
    crypto_auth_hmacsha512_update(&state, bytes_of(message), message.size());
    crypto_auth_hmacsha512_final(&state, code.data());
    std::array<char, 2 * crypto_auth_hmacsha512_BYTES + 1> text{};
    return sodium_bin2hex(text.data(), text.size(), code.data(), code.size());
}

}  // namespace

SharedSecretAuthProvider::Config SharedSecretAuthProvider::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys(
        {"shared_secret", "com_devture_shared_secret_auth_support_enabled", "m_login_password_support_enabled"});
    Config parsed;
    parsed.shared_secret = config.secret("shared_secret");
    if (parsed.shared_secret.empty()) config.fail("shared_secret", "must not be empty");
    parsed.com_devture_shared_secret_auth_support_enabled =
        config.value_or("com_devture_shared_secret_auth_support_enabled", true);
    parsed.m_login_password_support_enabled = config.value_or("m_login_password_support_enabled", false);
    if (!parsed.com_devture_shared_secret_auth_support_enabled && !parsed.m_login_password_support_enabled) {
        config.fail("com_devture_shared_secret_auth_support_enabled",
                    "must be true unless m_login_password_support_enabled is: nobody could log in");
    }
    return parsed;
}

SharedSecretAuthProvider::SharedSecretAuthProvider(Config config, modapi::ModuleApi& api)
    : config_(std::move(config)), api_(api) {
    if (sodium_init() < 0) throw std::runtime_error("libsodium can't be initialized");
    using Checkers = decltype(callbacks::PasswordAuthProvider::auth_checkers);
    std::vector<std::pair<callbacks::LoginType, Checkers::one>> checkers;
    if (config_.com_devture_shared_secret_auth_support_enabled) {
        checkers.emplace_back(callbacks::LoginType("com.devture.shared_secret_auth", {"token"}),
                              async::bind<&SharedSecretAuthProvider::check_token>(this));
    }
    if (config_.m_login_password_support_enabled) {
        checkers.emplace_back(callbacks::LoginType("m.login.password", {"password"}),
                              async::bind<&SharedSecretAuthProvider::check_password>(this));
    }
    api.register_password_auth_provider_callbacks({.auth_checkers = Checkers(std::move(checkers))});
}

async::task<SharedSecretAuthProvider::Answer> SharedSecretAuthProvider::check_token(const std::string& username,
                                                                                    const std::string&,
                                                                                    const callbacks::JsonDict& login_dict) {
    return check(username, login_dict.at("token"));
}

async::task<SharedSecretAuthProvider::Answer> SharedSecretAuthProvider::check_password(const std::string& username,
                                                                                       const std::string&,
                                                                                       const callbacks::JsonDict& login_dict) {
    return check(username, login_dict.at("password"));
}

async::task<SharedSecretAuthProvider::Answer> SharedSecretAuthProvider::check(const std::string& username,
                                                                              const callbacks::JsonValue& given) {
    const std::string user_id = api_.get_qualified_user_id(username);
    if (!given.is_string() || !is_token_of(user_id, given.get_string())) co_return std::nullopt;
    // Of an account whose id differs only by the case of letters, its own id.
    const std::optional<std::string> known = co_await api_.check_user_exists(user_id);
    if (!known) co_return std::nullopt;
    co_return callbacks::AuthResult(*known);
}

bool SharedSecretAuthProvider::is_token_of(std::string_view user_id, std::string_view given) const {
    const std::string expected = hmac_sha512_in_hex(config_.shared_secret, user_id);
    return given.size() == expected.size() && sodium_memcmp(given.data(), expected.data(), expected.size()) == 0;
}
