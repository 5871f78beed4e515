#include "server_configuration.h"

#include "configured_duration.h"
#include "mail/mail_configuration.h"

#include <modapi/config_section.h>
#include <modapi/http_client.h>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cmath>
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

constexpr std::int64_t most_workers = 256;

/// The keys of the whole server, also those that other parts of it read.
const std::set<std::string_view> server_keys = {"server_name",
                                                "public_baseurl",
                                                "listeners",
                                                "database",
                                                "enable_registration",
                                                "enable_registration_without_verification",
                                                "registration_shared_secret",
                                                "media_store_path",
                                                "module_path",
                                                "modules",
                                                "module_start_timeout",
                                                "workers",
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
const std::set<std::string_view> database_keys = {"name", "args"};

/// One reading of the file: what is wrong is reported with its place, what is unknown with its line.
class Reading {
public:
    Reading(const ConfigurationFile& file, const std::function<void(const std::string&)>& warn)
        : file_(file), warn_(warn), folder_(std::filesystem::path(file.name()).parent_path()) {}

    [[nodiscard]] ServerConfiguration read(const std::filesystem::path& default_module_path);

private:
    [[noreturn]] void fail(const ConfigurationPath& path, std::string_view message) const { file_.fail(path, message); }
    /// The message says first which key it is about.
    [[noreturn]] void fail(const modapi::HttpFormatError& error) const {
        const std::string_view message = error.what();
        const std::size_t end_of_key = message.find(": ");
        fail({std::string(message.substr(0, end_of_key))}, message.substr(end_of_key + 2));
    }
    void warn_unknown_keys(const JsonDict& object, const ConfigurationPath& path,
                           const std::set<std::string_view>& known) const;
    /// Relative to the file's folder.
    [[nodiscard]] std::filesystem::path located(const std::string& path) const {
        return std::filesystem::path(path).is_absolute() ? std::filesystem::path(path) : folder_ / path;
    }
    [[nodiscard]] std::string server_name(const ConfigSection& root) const;
    [[nodiscard]] std::string base_url(const ConfigSection& root, const std::string& server_name) const;
    [[nodiscard]] std::vector<Listener> listeners(const ConfigSection& root) const;
    void add_listeners(const ConfigSection& entry, ConfigurationPath path, std::vector<Listener>& listeners) const;
    [[nodiscard]] modapi::DatabaseSettings database(const ConfigSection& root) const;
    [[nodiscard]] std::string postgresql_connection(const ConfigSection& arguments) const;
    [[nodiscard]] modapi::BackgroundUpdateSettings background_updates(const ConfigSection& root) const;
    [[nodiscard]] modapi::CacheSettings caches(const ConfigSection& root) const;
    [[nodiscard]] bool registration(const ConfigSection& root) const;
    [[nodiscard]] LoginViaExistingSession login_via_existing_session(const ConfigSection& root) const;
    [[nodiscard]] static std::int64_t duration_ms(const ConfigSection& section, std::string_view key, std::int64_t otherwise);
    [[nodiscard]] std::vector<std::filesystem::path> module_path(const ConfigSection& root,
                                                                 const std::filesystem::path& otherwise) const;
    [[nodiscard]] VerifyKeys federation_verify_keys(const ConfigSection& root) const;
    [[nodiscard]] std::optional<std::vector<std::string>> ip_ranges(const ConfigSection& root, const std::string& key) const;
    void read_proxies(const ConfigSection& root, ServerConfiguration& configuration) const;

    const ConfigurationFile& file_;
    const std::function<void(const std::string&)>& warn_;
    std::filesystem::path folder_;
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
    constexpr std::size_t longest = 230;  // a user id of 255 characters still has some left
    if (name.empty() || name.size() > longest || !std::all_of(name.begin(), name.end(), is_server_name_character)) {
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
    if (entry.value_or<std::string>("type", "http") != "http")
        entry.fail("type", "must be http: this server has no other listeners");
    if (entry.value_or<bool>("tls", false))
        entry.fail("tls", "must be false: this server speaks plain HTTP, put a proxy before it");
    const std::int64_t port = entry.required<std::int64_t>("port");
    if (port < 0 || port > std::numeric_limits<std::uint16_t>::max()) entry.fail("port", "must be a port number, 0 to 65535");
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

/// A value in libpq's `key='value'` form.
std::string quoted_for_libpq(std::string_view value) {
    std::string quoted = "'";
    for (const char character : value) {
        if (character == '\'' || character == '\\') quoted += '\\';
        quoted += character;
    }
    return quoted + "'";
}

std::string Reading::postgresql_connection(const ConfigSection& arguments) const {
    warn_unknown_keys(arguments.values(), {"database", "args"},
                      {"host", "port", "user", "password", "dbname", "database", "sslmode", "sslrootcert", "sslcert", "sslkey",
                       "connect_timeout", "cp_min", "cp_max"});
    std::string connection;
    const auto add = [&](std::string_view key, std::string_view value) {
        connection.append(connection.empty() ? "" : " ").append(key).append("=").append(quoted_for_libpq(value));
    };
    for (const char* const key : {"host", "user", "password", "dbname", "sslmode"}) {
        if (const auto value = arguments.optional<std::string>(key)) add(key, *value);
    }
    if (!arguments.contains("dbname")) {
        if (const auto value = arguments.optional<std::string>("database")) add("dbname", *value);
    }
    for (const char* const key : {"sslrootcert", "sslcert", "sslkey"}) {
        if (const auto file = arguments.optional<std::string>(key)) add(key, located(*file).string());
    }
    for (const char* const key : {"port", "connect_timeout"}) {
        if (const auto number = arguments.optional<std::int64_t>(key)) add(key, std::to_string(*number));
    }
    return connection;
}

modapi::DatabaseSettings Reading::database(const ConfigSection& root) const {
    modapi::DatabaseSettings settings;
    const ConfigSection section = root.section("database");
    warn_unknown_keys(section.values(), {"database"}, database_keys);
    settings.name = section.value_or<std::string>("name", "sqlite3");
    const ConfigSection arguments = section.section("args");
    if (settings.name == "psycopg2") {
        settings.postgresql_connection = postgresql_connection(arguments);
        constexpr std::int64_t most_connections = 100;
        const auto usual = static_cast<std::int64_t>(settings.postgresql_connections);
        const std::int64_t connections = arguments.value_or<std::int64_t>("cp_max", usual);
        if (connections < 1 || connections > most_connections)
            arguments.fail("cp_max", "must be 1 to " + std::to_string(most_connections));
        settings.postgresql_connections = static_cast<std::size_t>(connections);
        return settings;
    }
    if (settings.name != "sqlite3") section.fail("name", "must be sqlite3 or psycopg2");
    warn_unknown_keys(arguments.values(), {"database", "args"}, {"database"});
    const std::string path = arguments.value_or<std::string>("database", "homeserver.db");
    if (path.empty()) arguments.fail("database", "must be a file's path, or \":memory:\"");
    settings.database = path == ":memory:" ? path : located(path).string();
    return settings;
}

modapi::BackgroundUpdateSettings Reading::background_updates(const ConfigSection& root) const {
    modapi::BackgroundUpdateSettings settings;
    const ConfigSection section = root.section("background_updates");
    std::set<std::string_view> known = {"sleep_enabled"};
    const auto read = [&](const char* key, std::int64_t& value, std::int64_t least) {
        known.insert(key);
        value = section.value_or<std::int64_t>(key, value);
        if (value < least) section.fail(key, "must be at least " + std::to_string(least));
    };
    settings.sleep_enabled = section.value_or<bool>("sleep_enabled", settings.sleep_enabled);
    read("background_update_duration_ms", settings.background_update_duration_ms, 1);
    read("sleep_duration_ms", settings.sleep_duration_ms, 0);
    read("min_batch_size", settings.min_batch_size, 1);
    read("default_batch_size", settings.default_batch_size, 1);
    warn_unknown_keys(section.values(), {"background_updates"}, known);
    return settings;
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
    settings.token_timeout_ms = duration_ms(section, "token_timeout", settings.token_timeout_ms);
    warn_unknown_keys(section.values(), {"login_via_existing_session"}, {"enabled", "require_ui_auth", "token_timeout"});
    return settings;
}

std::int64_t Reading::duration_ms(const ConfigSection& section, std::string_view key, std::int64_t otherwise) {
    const JsonValue* const given = section.values().if_contains(key);
    if (given == nullptr || given->is_null()) return otherwise;
    std::optional<std::int64_t> duration;
    if (given->is_int64() && given->get_int64() >= 0) duration = given->get_int64();
    if (given->is_string()) duration = configured_duration_ms(given->get_string());
    if (!duration) section.fail(key, "must be a duration: milliseconds, or a number with s, m, h, d, w or y behind it");
    return *duration;
}

std::vector<std::filesystem::path> Reading::module_path(const ConfigSection& root,
                                                        const std::filesystem::path& otherwise) const {
    const JsonValue* const given = root.values().if_contains("module_path");
    if (given == nullptr || given->is_null()) return {otherwise};
    std::vector<std::filesystem::path> folders;
    if (given->is_string()) {
        folders.push_back(located(std::string(given->get_string())));
        return folders;
    }
    if (!given->is_array()) root.fail("module_path", "must be a folder's path, or a list of them");
    for (const std::string& folder : root.required<std::vector<std::string>>("module_path")) folders.push_back(located(folder));
    return folders;
}

std::optional<std::vector<std::string>> Reading::ip_ranges(const ConfigSection& root, const std::string& key) const {
    std::optional<std::vector<std::string>> ranges = root.optional<std::vector<std::string>>(key);
    if (!ranges) return std::nullopt;
    try {
        modapi::HttpClientSettings::check_ranges(*ranges, key);
    } catch (const modapi::HttpFormatError& error) {
        fail(error);
    }
    return ranges;
}

void Reading::read_proxies(const ConfigSection& root, ServerConfiguration& configuration) const {
    modapi::HttpClientSettings settings;
    settings.http_proxy = configuration.http_proxy = root.value_or<std::string>("http_proxy", {});
    settings.https_proxy = configuration.https_proxy = root.value_or<std::string>("https_proxy", {});
    settings.no_proxy_hosts = configuration.no_proxy_hosts = root.value_or<std::vector<std::string>>("no_proxy_hosts", {});
    try {
        modapi::HttpClientSettings::check_proxies(settings);
    } catch (const modapi::HttpFormatError& error) {
        fail(error);
    }
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

modapi::CacheSettings Reading::caches(const ConfigSection& root) const {
    modapi::CacheSettings settings;
    const ConfigSection section = root.section("caches");
    const auto factor = [](const ConfigSection& from, std::string_view key, double otherwise) {
        const double value = from.value_or<double>(key, otherwise);
        if (!std::isfinite(value) || value < 0) from.fail(key, "must be a number that isn't negative");
        return value;
    };
    settings.global_factor = factor(section, "global_factor", settings.global_factor);
    const ConfigSection per_cache = section.section("per_cache_factors");
    for (const auto& entry : per_cache.values()) {
        std::string name = modapi::CacheSettings::name_in_configuration(entry.key());
        if (!settings.per_cache_factors.emplace(std::move(name), factor(per_cache, entry.key(), 1.0)).second)
            per_cache.fail(entry.key(), "is the name of the same function as a key before it");
    }
    const std::int64_t ttl = duration_ms(section, "cache_entry_ttl", settings.cache_entry_ttl->count());
    if (ttl < 1) section.fail("cache_entry_ttl", "must be more than nothing; expire_caches: false keeps entries for ever");
    settings.cache_entry_ttl = std::chrono::milliseconds(ttl);
    if (!section.value_or<bool>("expire_caches", true)) settings.cache_entry_ttl.reset();
    warn_unknown_keys(section.values(), {"caches"}, {"global_factor", "per_cache_factors", "expire_caches", "cache_entry_ttl"});
    return settings;
}

ServerConfiguration Reading::read(const std::filesystem::path& default_module_path) {
    const ConfigSection root(file_.root());
    ServerConfiguration configuration;
    try {
        configuration.server_name = server_name(root);
        configuration.public_baseurl = base_url(root, configuration.server_name);
        configuration.public_baseurl_is_given = root.contains("public_baseurl");
        configuration.listeners = listeners(root);
        configuration.database = database(root);
        configuration.enable_registration = registration(root);
        configuration.background_updates = background_updates(root);
        configuration.caches = caches(root);
        configuration.login_via_existing_session = login_via_existing_session(root);
        configuration.registration_shared_secret = root.optional<std::string>("registration_shared_secret");
        if (configuration.registration_shared_secret && configuration.registration_shared_secret->empty())
            root.fail("registration_shared_secret", "must not be empty: whoever knows it makes administrators");
        configuration.media_store_path = located(root.value_or<std::string>("media_store_path", "media_store"));
        const ConfigSection directory = root.section("user_directory");
        configuration.user_directory_enabled = directory.value_or<bool>("enabled", true);
        configuration.search_all_users = directory.value_or<bool>("search_all_users", false);
        configuration.signing_key_path =
            located(root.value_or<std::string>("signing_key_path", configuration.server_name + ".signing.key"));
        configuration.module_start_timeout_ms =
            duration_ms(root, "module_start_timeout", configuration.module_start_timeout_ms);
        configuration.module_path = module_path(root, default_module_path);
        const std::int64_t workers = root.value_or<std::int64_t>("workers", 1);
        if (workers < 1 || workers > most_workers) root.fail("workers", "must be 1 to " + std::to_string(most_workers));
        configuration.workers = static_cast<int>(workers);
        configuration.mail = read_mail_settings(root, folder_);
        warn_unknown_keys(root.section("email").values(), {"email"}, mail_keys());
        if (const auto folder = root.section("templates").optional<std::string>("custom_template_directory"))
            configuration.custom_template_dir = located(*folder).string();
        configuration.sso_client_whitelist =
            root.section("sso").optional<std::vector<std::string>>("client_whitelist").value_or(std::vector<std::string>());
        configuration.ip_range_blocklist = ip_ranges(root, "ip_range_blocklist");
        configuration.ip_range_allowlist = ip_ranges(root, "ip_range_allowlist").value_or(std::vector<std::string>());
        read_proxies(root, configuration);
        configuration.federation_verify_keys = federation_verify_keys(root);
    } catch (const callbacks::ConfigError& error) {
        fail(error.path(), error.what());
    }
    warn_unknown_keys(file_.root(), {}, server_keys);
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
