#pragma once

#include "accounts/registration_settings.h"
#include "federation/verify_keys.h"
#include "http/public_baseurl.h"
#include "mail/mail_settings.h"
#include "media/media_settings.h"
#include "profiles/user_directory_settings.h"
#include "rate_limits/rate_limit_settings.h"
#include "sessions/session_settings.h"

#include <modapi/database.h>
#include <modapi/hosting/background_updater.h>
#include <modapi/hosting/cache_settings.h>
#include <modapi/hosting/configuration.h>
#include <modapi/hosting/decision.h>
#include <modapi/hosting/module_host.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/process_settings.h>
#include <modapi/hosting/python_settings.h>
#include <modapi/http_client.h>

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
    bool is_for_metrics = false;  ///< Prometheus is served there, and nobody else
    bool x_forwarded = false;     ///< a proxy comes there, which says by X-Forwarded-For who its client is
    modapi::ConfigurationPath path = {"listeners"};  ///< where the configuration asks for it, for messages

    /// `127.0.0.1:8008`, `[::1]:8008`.
    [[nodiscard]] std::string to_string() const;
};

/// The server's own keys, checked; README.md of this program says what each means. Modules' sections are handled by
/// modapi::configure_modules.
struct ServerConfiguration {
    std::string server_name;
    PublicBaseurl public_baseurl;
    std::vector<Listener> listeners;
    modapi::DatabaseSettings database;
    RegistrationSettings registration;
    LoginViaExistingSession login_via_existing_session;
    MediaSettings media;
    UserDirectorySettings user_directory;
    RateLimitSettings rate_limits;
    std::filesystem::path signing_key_path;  ///< `SERVER_NAME.signing.key`; SigningKey::load_or_create makes it
    std::vector<std::filesystem::path> module_path;
    std::optional<modapi::PythonSettings> python;  ///< none: no module is Python's
    int workers = 1;
    modapi::ProcessSettings process;
    std::int64_t module_start_timeout_ms = 60 * 1000;  ///< for the start(), and then the ready(), of each module
    modapi::CallbackLimits callback_limits;
    modapi::BackgroundUpdateSettings background_updates;
    modapi::HttpClientSettings http_client;  ///< of modules and pushers
    MailSettings mail;
    std::optional<std::string> custom_template_dir;
    std::optional<std::string> template_dir;  ///< the server's own templates; the program's affair, not the file's
    SsoSettings sso;
    VerifyKeys federation_verify_keys;
    modapi::DecisionSettings decisions;
    modapi::CacheSettings caches;
};

/// Reads and checks the keys. `warn` gets a line for each unknown key. Relative paths become relative to the folder of the file that they stand in.
/// `default_module_path` is the build's modules folder. Errors: modapi::ConfigurationError.
[[nodiscard]] ServerConfiguration read_server_configuration(const modapi::ConfigurationFile& file,
                                                            const std::filesystem::path& default_module_path,
                                                            const std::function<void(const std::string&)>& warn);

}  // namespace homeserver
