#pragma once

#include "federation/verify_keys.h"
#include "mail/mail_settings.h"

#include <modapi/background_updater.h>
#include <modapi/cache_settings.h>
#include <modapi/configuration.h>
#include <modapi/database.h>
#include <modapi/module_resolver.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// One address to listen on.
struct Listener {
    std::string address;  ///< an IP address, without brackets
    std::uint16_t port = 8008;
    modapi::ConfigurationPath path = {"listeners"};  ///< where the configuration asks for it, for messages

    /// `127.0.0.1:8008`, `[::1]:8008`.
    [[nodiscard]] std::string to_string() const;
};

/// Whether who is logged in may get a token for another device's login (POST /login/get_token).
struct LoginViaExistingSession {
    bool enabled = false;
    bool require_ui_auth = true;
    std::int64_t token_timeout_ms = 5 * 60 * 1000;
};

/// The server's own keys, checked; README.md beside this program says what each means. Modules' sections are handled by
/// modapi::configure_modules.
struct ServerConfiguration {
    std::string server_name;
    std::string public_baseurl;
    bool public_baseurl_is_given = false;  ///< else it is guessed from the name, and clients aren't sent there
    std::vector<Listener> listeners;
    modapi::DatabaseSettings database;
    bool enable_registration = false;
    std::optional<std::string> registration_shared_secret;
    LoginViaExistingSession login_via_existing_session;
    std::filesystem::path media_store_path;
    bool user_directory_enabled = true;
    bool search_all_users = false;           ///< else only users in public rooms or sharing a room with the searcher are found
    std::filesystem::path signing_key_path;  ///< `SERVER_NAME.signing.key`; SigningKey::load_or_create makes it
    std::vector<std::filesystem::path> module_path;
    int workers = 1;
    std::int64_t module_start_timeout_ms = 60 * 1000;  ///< for the start() of each module
    modapi::BackgroundUpdateSettings background_updates;
    std::optional<std::vector<std::string>> ip_range_blocklist;
    std::vector<std::string> ip_range_allowlist;
    std::string http_proxy;  ///< this and the next two as modapi::HttpClientSettings has them
    std::string https_proxy;
    std::vector<std::string> no_proxy_hosts;
    MailSettings mail;
    std::optional<std::string> custom_template_dir;
    std::optional<std::string> template_dir;        ///< the server's own templates; the program's affair, not the file's
    std::vector<std::string> sso_client_whitelist;  ///< beginnings of the URLs of clients that get a login token unasked
    VerifyKeys federation_verify_keys;
    modapi::CacheSettings caches;
};

/// Reads and checks the keys. `warn` gets a line for each unknown key. Relative paths become relative to the file's folder.
/// `default_module_path` is the build's modules folder. Errors: modapi::ConfigurationError.
[[nodiscard]] ServerConfiguration read_server_configuration(const modapi::ConfigurationFile& file,
                                                            const std::filesystem::path& default_module_path,
                                                            const std::function<void(const std::string&)>& warn);

}  // namespace homeserver
