#include <modapi/module_api.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Logs listed users in, by a login type of its own and by password (contract: "Password auth provider callbacks", example).
///
/// As printed, the contract's example compares "no such user" with "the field is null" and finds them equal: anybody could log
/// in as anybody. Here an unlisted user and a field that is no string are refused.
class MyAuthProvider {
public:
    struct Config {
        std::map<std::string, std::string, std::less<>> credentials;
    };
    /// `credentials`: a mapping from user name (or full user id) to password. Missing: the contract's own example.
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"credentials"});
        Config parsed;
        if (!config.contains("credentials")) {
            parsed.credentials["bob"] = "building";
            parsed.credentials["@scoop:matrix.org"] = "digging";
            return parsed;
        }
        const modapi::ConfigSection credentials = config.section("credentials");
        for (const auto& entry : credentials.values()) {
            parsed.credentials[std::string(entry.key())] = credentials.secret(entry.key());
        }
        return parsed;
    }

    MyAuthProvider(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
        callbacks::PasswordAuthProvider given{
            .auth_checkers = {{{"my.login_type", {"my_field"}}, async::bind<&MyAuthProvider::check_my_login>(this)},
                              {{"m.login.password", {"password"}}, async::bind<&MyAuthProvider::check_pass>(this)}}};
        api.register_password_auth_provider_callbacks(std::move(given));
    }

private:
    using Answer = std::optional<callbacks::AuthResult>;

    async::task<Answer> check_my_login(const std::string& username, const std::string&, const callbacks::JsonDict& login_dict) {
        co_return check(username, login_dict, "my_field");
    }
    async::task<Answer> check_pass(const std::string& username, const std::string&, const callbacks::JsonDict& login_dict) {
        co_return check(username, login_dict, "password");
    }

    [[nodiscard]] Answer check(const std::string& username, const callbacks::JsonDict& login_dict,
                               std::string_view field) const {
        const callbacks::JsonValue* const given = login_dict.if_contains(field);
        const std::string* const expected = password_of(username);
        if (expected == nullptr || given == nullptr || !given->is_string()) return std::nullopt;
        if (std::string_view(given->get_string()) != *expected) return std::nullopt;
        return callbacks::AuthResult(api_.get_qualified_user_id(username));
    }

    /// The host hands over full user ids; the list may name a local user by the local part alone.
    [[nodiscard]] const std::string* password_of(const std::string& username) const {
        if (const auto entry = config_.credentials.find(username); entry != config_.credentials.end()) return &entry->second;
        if (!username.starts_with('@') || !api_.is_mine(username)) return nullptr;
        const std::string_view localpart = std::string_view(username).substr(1, username.find(':') - 1);
        const auto entry = config_.credentials.find(localpart);
        return entry == config_.credentials.end() ? nullptr : &entry->second;
    }

    Config config_;
    modapi::ModuleApi& api_;
};

MODAPI_MODULE(MyAuthProvider)
