#include "process/server_configuration.h"

#include "mail/mail_configuration.h"
#include "process/built_in_modules.h"
#include "rate_limits/rate_limit_configuration.h"

#include <modapi/byte_size.h>
#include <modapi/config_section.h>
#include <modapi/duration.h>
#include <modapi/hosting/configuration_reader.h>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <string_view>

namespace homeserver {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::ConfigSection;
using modapi::ConfigurationFile;
using modapi::ConfigurationPath;

constexpr std::int64_t max_workers = 256;

/// The keys of the whole server, also those that other parts of it read.
const std::set<std::string_view> server_keys = {"server_name",
                                                "public_baseurl",
                                                "listeners",
                                                "database",
                                                "enable_registration",
                                                "enable_registration_without_verification",
                                                "registration_shared_secret",
                                                "media_store_path",
                                                "max_upload_size",
                                                "media_upload_limits",
                                                "module_path",
                                                "modules",
                                                "python",
                                                auto_accept_invites_key,
                                                "module_decisions",
                                                "module_start_timeout",
                                                "slow_callback",
                                                "callback_deadline",
                                                "interaction_deadline",
                                                "web_resource_deadline",
                                                "web_resource_requests",
                                                "workers",
                                                "worker_name",
                                                "worker_app",
                                                "run_background_tasks_on",
                                                "redis",
                                                "background_updates",
                                                "caches",
                                                "login_via_existing_session",
                                                "email",
                                                "sso",
                                                "templates",
                                                "ip_range_blocklist",
                                                "ip_range_allowlist",
                                                "http_proxy",
                                                "https_proxy",
                                                "no_proxy_hosts",
                                                "signing_key_path",
                                                "user_directory",
                                                "federation_verify_keys"};
const std::set<std::string_view> listener_keys = {"port", "bind_addresses", "type", "tls", "resources", "x_forwarded"};

/// One reading of the file: what is wrong is reported with its place, what is unknown with its line.
class Reading {
public:
    Reading(const ConfigurationFile& file, const std::function<void(const std::string&)>& warn)
        : file_(file), warn_(warn), reader_(file, warn) {}

    [[nodiscard]] ServerConfiguration read(const std::filesystem::path& default_module_path);

private:
    [[noreturn]] void fail(const ConfigurationPath& path, std::string_view message) const { file_.fail(path, message); }
    void warn_unknown_keys(const JsonDict& object, const ConfigurationPath& path,
                           const std::set<std::string_view>& known) const;
    /// A path that is written below the top-level key `key`.
    [[nodiscard]] std::filesystem::path located(const char* key, const std::string& path) const {
        return file_.located({key}, path);
    }
    [[nodiscard]] std::string server_name(const ConfigSection& root) const;
    [[nodiscard]] std::string base_url(const ConfigSection& root, const std::string& server_name) const;
    [[nodiscard]] std::vector<Listener> listeners(const ConfigSection& root) const;
    void add_listeners(const ConfigSection& entry, ConfigurationPath path, std::vector<Listener>& listeners) const;
    [[nodiscard]] bool registration(const ConfigSection& root) const;
    [[nodiscard]] LoginViaExistingSession login_via_existing_session(const ConfigSection& root) const;
    [[nodiscard]] MediaSettings media(const ConfigSection& root) const;
    [[nodiscard]] VerifyKeys federation_verify_keys(const ConfigSection& root) const;
    [[nodiscard]] std::optional<modapi::PythonSettings> python(const ConfigSection& root) const;

    const ConfigurationFile& file_;
    const std::function<void(const std::string&)>& warn_;
    modapi::ConfigurationReader reader_;
};

void Reading::warn_unknown_keys(const JsonDict& object, const ConfigurationPath& path,
                                const std::set<std::string_view>& known) const {
    for (const auto& [key, value] : object) {
        if (known.contains(key)) continue;
        ConfigurationPath place = path;
        place.emplace_back(key);
        warn_(file_.describe(place, "is no key that this server knows; it has no effect"));
    }
}

bool is_server_name_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '.' || character == '-' || character == ':' ||
           character == '[' || character == ']';
}

std::string Reading::server_name(const ConfigSection& root) const {
    std::string name = root.required<std::string>("server_name");
    constexpr std::size_t max_length = 230;  // a user id of 255 characters still has some left
    if (name.empty() || name.size() > max_length || !std::all_of(name.begin(), name.end(), is_server_name_character)) {
        root.fail("server_name", "must be a host name, with a port behind a colon if need be");
    }
    return name;
}

std::string Reading::base_url(const ConfigSection& root, const std::string& server_name) const {
    std::string url = root.value_or<std::string>("public_baseurl", "http://" + server_name + "/");
    if (!url.starts_with("http://") && !url.starts_with("https://"))
        root.fail("public_baseurl", "must begin with http:// or https://");
    if (!url.ends_with('/')) url += '/';
    return url;
}

void Reading::add_listeners(const ConfigSection& entry, ConfigurationPath path, std::vector<Listener>& listeners) const {
    warn_unknown_keys(entry.values(), path, listener_keys);
    const auto type = entry.value_or<std::string>("type", "http");
    if (type != "http" && type != "metrics") entry.fail("type", "must be http or metrics: this server has no other listeners");
    if (entry.value_or<bool>("tls", false))
        entry.fail("tls", "must be false: this server speaks plain HTTP, put a proxy before it");
    const std::int64_t port = entry.required<std::int64_t>("port");
    if (port < 0 || port > std::numeric_limits<std::uint16_t>::max()) entry.fail("port", "must be a port number, 0 to 65535");
    const bool x_forwarded = entry.value_or<bool>("x_forwarded", false);
    const auto addresses = entry.value_or<std::vector<std::string>>("bind_addresses", {"127.0.0.1"});
    if (addresses.empty()) entry.fail("bind_addresses", "must have at least one address");
    for (std::size_t index = 0; index < addresses.size(); ++index) {
        boost::system::error_code error;
        static_cast<void>(boost::asio::ip::make_address(addresses[index], error));
        if (error) {
            ConfigurationPath place = path;
            place.emplace_back("bind_addresses");
            place.push_back(std::to_string(index));
            fail(place, "is no IP address: " + addresses[index]);
        }
        ConfigurationPath of_port = path;
        of_port.emplace_back("port");
        Listener listener;
        listener.address = addresses[index];
        listener.port = static_cast<std::uint16_t>(port);
        listener.is_for_metrics = type == "metrics";
        listener.x_forwarded = x_forwarded;
        listener.path = std::move(of_port);
        listeners.push_back(std::move(listener));
    }
}

std::vector<Listener> Reading::listeners(const ConfigSection& root) const {
    std::vector<Listener> listeners;
    if (!root.contains("listeners")) {
        Listener usual;
        usual.address = "127.0.0.1";
        listeners.push_back(std::move(usual));
        return listeners;
    }
    const std::vector<ConfigSection> entries = root.sections("listeners");
    if (entries.empty()) root.fail("listeners", "must have at least one entry");
    for (std::size_t index = 0; index < entries.size(); ++index) {
        add_listeners(entries[index], {"listeners", std::to_string(index)}, listeners);
    }
    return listeners;
}

bool Reading::registration(const ConfigSection& root) const {
    const bool enabled = root.value_or<bool>("enable_registration", false);
    const bool unverified = root.value_or<bool>("enable_registration_without_verification", false);
    if (enabled && !unverified) {
        root.fail("enable_registration",
                  "needs enable_registration_without_verification: true beside it: whoever reaches this server can then make "
                  "accounts");
    }
    return enabled;
}

LoginViaExistingSession Reading::login_via_existing_session(const ConfigSection& root) const {
    const ConfigSection section = root.section("login_via_existing_session");
    LoginViaExistingSession settings;
    settings.enabled = section.value_or<bool>("enabled", settings.enabled);
    settings.require_ui_auth = section.value_or<bool>("require_ui_auth", settings.require_ui_auth);
    const std::chrono::milliseconds usual(settings.token_timeout_ms);
    settings.token_timeout_ms = modapi::ConfigurationReader::duration(section, "token_timeout", usual).count();
    warn_unknown_keys(section.values(), {"login_via_existing_session"}, {"enabled", "require_ui_auth", "token_timeout"});
    return settings;
}

MediaSettings Reading::media(const ConfigSection& root) const {
    MediaSettings settings;
    settings.store_path = located("media_store_path", root.value_or<std::string>("media_store_path", "media_store"));
    settings.max_upload_size = modapi::optional_byte_size(root, "max_upload_size").value_or(settings.max_upload_size);
    const std::vector<ConfigSection> limits = root.sections("media_upload_limits");
    for (std::size_t index = 0; index < limits.size(); ++index) {
        const ConfigSection& entry = limits[index];
        warn_unknown_keys(entry.values(), {"media_upload_limits", std::to_string(index)}, {"time_period", "max_size"});
        const std::int64_t time_period_ms = modapi::required_duration(entry, "time_period").count();
        if (time_period_ms < 1 || time_period_ms > callbacks::MediaUploadLimit::longest_time_period_ms)
            entry.fail("time_period", "must be from 1 ms to a hundred years");
        const std::int64_t max_bytes = modapi::required_byte_size(entry, "max_size");
        settings.upload_limits.emplace_back(max_bytes, time_period_ms);
    }
    return settings;
}

VerifyKeys Reading::federation_verify_keys(const ConfigSection& root) const {
    VerifyKeys keys;
    const ConfigSection servers = root.section("federation_verify_keys");
    for (const auto& server : servers.values()) {
        const ConfigSection of_server = servers.section(server.key());
        for (const auto& entry : of_server.values()) {
            const std::string_view key_id = entry.key();
            const std::optional<PublicKey> key = PublicKey::from_base64(of_server.required<std::string>(key_id));
            if (!key_id.starts_with("ed25519:")) of_server.fail(key_id, "must be a key id, ed25519: and a version");
            if (!key) of_server.fail(key_id, "must be a public key: 32 bytes in base64");
            keys.add(server.key(), key_id, *key);
        }
    }
    return keys;
}

std::optional<modapi::PythonSettings> Reading::python(const ConfigSection& root) const {
    constexpr const char* name = "python";
    JsonDict section = root.section(name).values();
    const auto locate = [&](JsonValue& path) {
        if (!path.is_string()) return;
        path = std::filesystem::absolute(located(name, std::string(path.get_string()))).lexically_normal().string();
    };
    for (const char* const key : {"path", "readable", "writable"}) {
        JsonValue* const paths = section.if_contains(key);
        if (paths == nullptr || !paths->is_array()) continue;
        for (JsonValue& path : paths->get_array()) locate(path);
    }
    if (JsonValue* const interpreter = section.if_contains("interpreter")) locate(*interpreter);
    return modapi::PythonSettings::of(ConfigSection(std::move(section), {name}));
}

ServerConfiguration Reading::read(const std::filesystem::path& default_module_path) {
    const ConfigSection root(file_.root());
    ServerConfiguration configuration;
    try {
        configuration.server_name = server_name(root);
        configuration.public_baseurl.url = base_url(root, configuration.server_name);
        configuration.public_baseurl.is_given = root.contains("public_baseurl");
        configuration.listeners = listeners(root);
        configuration.database = reader_.database();
        configuration.process = reader_.process("homeserver.worker");
        configuration.registration.is_enabled = registration(root);
        configuration.background_updates = reader_.background_updates();
        configuration.caches = reader_.caches();
        configuration.decisions = reader_.decisions();
        configuration.login_via_existing_session = login_via_existing_session(root);
        configuration.registration.shared_secret = root.optional<std::string>("registration_shared_secret");
        if (configuration.registration.shared_secret && configuration.registration.shared_secret->empty())
            root.fail("registration_shared_secret", "must not be empty: whoever knows it makes administrators");
        configuration.media = media(root);
        const ConfigSection directory = root.section("user_directory");
        configuration.user_directory.is_enabled = directory.value_or<bool>("enabled", true);
        configuration.user_directory.search_all_users = directory.value_or<bool>("search_all_users", false);
        configuration.rate_limits = read_rate_limits(root, reader_);
        configuration.signing_key_path = located(
            "signing_key_path", root.value_or<std::string>("signing_key_path", configuration.server_name + ".signing.key"));
        const std::chrono::milliseconds usual(configuration.module_start_timeout_ms);
        configuration.module_start_timeout_ms = reader_.module_start_timeout(usual).count();
        configuration.callback_limits = reader_.callback_limits();
        configuration.module_path = reader_.module_path(default_module_path);
        configuration.python = python(root);
        configuration.http_client = reader_.http_client();
        const std::int64_t workers = root.value_or<std::int64_t>("workers", 1);
        if (workers < 1 || workers > max_workers) root.fail("workers", "must be 1 to " + std::to_string(max_workers));
        configuration.workers = static_cast<int>(workers);
        configuration.mail = read_mail_settings(root, located("email", ""));
        warn_unknown_keys(root.section("email").values(), {"email"}, mail_keys());
        const std::string accepting(auto_accept_invites_key);
        warn_unknown_keys(root.section(accepting).values(), {accepting}, auto_accept_invites_keys());
        if (const auto folder = root.section("templates").optional<std::string>("custom_template_directory"))
            configuration.custom_template_dir = located("templates", *folder).string();
        configuration.sso.client_whitelist =
            root.section("sso").optional<std::vector<std::string>>("client_whitelist").value_or(std::vector<std::string>());
        configuration.federation_verify_keys = federation_verify_keys(root);
    } catch (const callbacks::ConfigError& error) {
        fail(error.path(), error.what());
    }
    std::set<std::string_view> known = server_keys;
    known.insert(rate_limit_keys.begin(), rate_limit_keys.end());
    warn_unknown_keys(file_.root(), {}, known);
    return configuration;
}

}  // namespace

std::string Listener::to_string() const {
    const bool is_v6 = address.find(':') != std::string::npos;
    return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

ServerConfiguration read_server_configuration(const modapi::ConfigurationFile& file,
                                              const std::filesystem::path& default_module_path,
                                              const std::function<void(const std::string&)>& warn) {
    return Reading(file, warn).read(default_module_path);
}

}  // namespace homeserver
