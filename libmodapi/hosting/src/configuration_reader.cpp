#include <modapi/duration.h>
#include <modapi/hosting/configuration_reader.h>
#include <modapi/hosting/process_name.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;

/// Gives the errors of sections their file and line.
template <class Read>
auto with_place(const ConfigurationFile& file, const Read& read) {
    try {
        return read(ConfigSection(file.root()));
    } catch (const callbacks::ConfigError& error) {
        file.fail(error.path(), error.what());
    } catch (const HttpFormatError& error) {
        // The message says first which key it is about.
        const std::string_view message = error.what();
        const std::size_t end_of_key = message.find(": ");
        file.fail({std::string(message.substr(0, end_of_key))}, message.substr(end_of_key + 2));
    }
}

double factor(const ConfigSection& from, std::string_view key, double otherwise) {
    const double value = from.value_or<double>(key, otherwise);
    if (!std::isfinite(value) || value < 0) from.fail(key, "must be a number that isn't negative");
    return value;
}

std::chrono::milliseconds positive_duration(const ConfigSection& root, std::string_view key,
                                            std::chrono::milliseconds otherwise) {
    const std::chrono::milliseconds read = ConfigurationReader::duration(root, key, otherwise);
    if (read.count() == 0) root.fail(key, "must be longer than 0");
    return read;
}

constexpr std::int64_t most_requests = 1'000'000;

/// 0 for `none`.
std::chrono::milliseconds deadline(const ConfigSection& root, std::string_view key, std::chrono::milliseconds otherwise) {
    const std::optional<JsonValue> given = root.optional<JsonValue>(key);
    if (given && *given == JsonValue("none")) return std::chrono::milliseconds(0);
    return positive_duration(root, key, otherwise);
}

std::optional<std::vector<std::string>> ip_ranges(const ConfigSection& root, const std::string& key) {
    std::optional<std::vector<std::string>> ranges = root.optional<std::vector<std::string>>(key);
    if (ranges) HttpClientSettings::check_ranges(*ranges, key);
    return ranges;
}

std::string process_name(const ConfigSection& root, std::string_view key) {
    std::string name = root.required<std::string>(key);
    const std::string refusal = refusal_of_process_name(name);
    if (!refusal.empty()) root.fail(key, refusal);
    return name;
}

RedisSettings redis(const ConfigurationFile& file, const ConfigSection& section) {
    RedisSettings settings;
    settings.host = section.value_or<std::string>("host", settings.host);
    if (settings.host.empty()) section.fail("host", "must be a host name, an IP address, or the path of a socket");
    const std::int64_t port = section.value_or<std::int64_t>("port", settings.port);
    if (port < 1 || port > std::numeric_limits<std::uint16_t>::max()) section.fail("port", "must be a port number, 1 to 65535");
    settings.port = static_cast<std::uint16_t>(port);
    settings.password = section.optional_secret("password").value_or(std::string());
    settings.dbid = section.value_or<int>("dbid", settings.dbid);
    if (settings.dbid < 0) section.fail("dbid", "must not be negative");
    settings.use_tls = section.value_or<bool>("use_tls", settings.use_tls);
    if (settings.use_tls && settings.host.starts_with('/'))
        section.fail("use_tls", "must be false beside a host that is the path of a socket");
    if (const auto ca_file = section.optional<std::string>("ca_file")) {
        if (!settings.use_tls) section.fail("ca_file", "needs use_tls: true beside it: without, nobody's certificate is looked at");
        settings.ca_file = file.located({"redis"}, *ca_file).string();
    }
    return settings;
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

std::string postgresql_connection(const ConfigurationFile& whole, const ConfigurationReader& reader, const ConfigSection& arguments) {
    reader.warn_unknown_keys(arguments.values(), {"database", "args"},
                             {"host", "port", "user", "password", "dbname", "database", "sslmode", "sslrootcert", "sslcert",
                              "sslkey", "connect_timeout", "cp_min", "cp_max"});
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
        if (const auto file = arguments.optional<std::string>(key)) add(key, whole.located({"database"}, *file).string());
    }
    for (const char* const key : {"port", "connect_timeout"}) {
        if (const auto number = arguments.optional<std::int64_t>(key)) add(key, std::to_string(*number));
    }
    return connection;
}

}  // namespace

ConfigurationReader::ConfigurationReader(const ConfigurationFile& file, Warn warn)
    : file_(file), warn_(std::move(warn)) {}

WorkerSettings ConfigurationReader::worker_settings() const {
    WorkerSettings settings;
    settings.caches = caches();
    settings.http_client = http_client();
    settings.start_deadline = module_start_timeout(settings.start_deadline);
    settings.limit(callback_limits());
    return settings;
}

CacheSettings ConfigurationReader::caches() const {
    return with_place(file_, [&](const ConfigSection& root) {
        CacheSettings settings;
        const ConfigSection section = root.section("caches");
        settings.global_factor = factor(section, "global_factor", settings.global_factor);
        const ConfigSection per_cache = section.section("per_cache_factors");
        for (const auto& entry : per_cache.values()) {
            std::string name = CacheSettings::name_in_configuration(entry.key());
            if (!settings.per_cache_factors.emplace(std::move(name), factor(per_cache, entry.key(), 1.0)).second)
                per_cache.fail(entry.key(), "is the name of the same function as a key before it");
        }
        const std::chrono::milliseconds ttl = duration(section, "cache_entry_ttl", *settings.cache_entry_ttl);
        if (ttl < std::chrono::milliseconds(1))
            section.fail("cache_entry_ttl", "must be more than nothing; expire_caches: false keeps entries for ever");
        settings.cache_entry_ttl = ttl;
        if (!section.value_or<bool>("expire_caches", true)) settings.cache_entry_ttl.reset();
        warn_unknown_keys(section.values(), {"caches"},
                          {"global_factor", "per_cache_factors", "expire_caches", "cache_entry_ttl"});
        return settings;
    });
}

HttpClientSettings ConfigurationReader::http_client() const {
    return with_place(file_, [&](const ConfigSection& root) {
        HttpClientSettings settings;
        if (auto blocked = ip_ranges(root, "ip_range_blocklist")) settings.ip_range_blocklist = std::move(*blocked);
        if (auto allowed = ip_ranges(root, "ip_range_allowlist")) settings.ip_range_allowlist = std::move(*allowed);
        settings.http_proxy = root.value_or<std::string>("http_proxy", {});
        settings.https_proxy = root.value_or<std::string>("https_proxy", {});
        settings.no_proxy_hosts = root.value_or<std::vector<std::string>>("no_proxy_hosts", {});
        HttpClientSettings::check_proxies(settings);
        return settings;
    });
}

std::chrono::milliseconds ConfigurationReader::module_start_timeout(std::chrono::milliseconds otherwise) const {
    return with_place(file_, [&](const ConfigSection& root) { return duration(root, "module_start_timeout", otherwise); });
}

CallbackLimits ConfigurationReader::callback_limits() const {
    return with_place(file_, [&](const ConfigSection& root) {
        CallbackLimits limits;
        limits.slow_callback = positive_duration(root, "slow_callback", limits.slow_callback);
        limits.callback_deadline = deadline(root, "callback_deadline", limits.callback_deadline);
        limits.interaction_deadline = deadline(root, "interaction_deadline", limits.interaction_deadline);
        limits.web_resource_deadline = deadline(root, "web_resource_deadline", limits.web_resource_deadline);
        constexpr const char* requests = "web_resource_requests";
        const auto usual = static_cast<std::int64_t>(limits.web_resource_requests);
        const std::int64_t at_once = root.value_or<std::int64_t>(requests, usual);
        if (at_once < 1 || at_once > most_requests) root.fail(requests, "must be 1 to " + std::to_string(most_requests));
        limits.web_resource_requests = static_cast<std::size_t>(at_once);
        return limits;
    });
}

DecisionSettings ConfigurationReader::decisions() const {
    return with_place(file_, [&](const ConfigSection& root) {
        constexpr std::int64_t most = 10'000'000;
        DecisionSettings settings;
        const ConfigSection section = root.section("module_decisions");
        const std::int64_t in_memory = section.value_or<std::int64_t>("in_memory", static_cast<std::int64_t>(settings.in_memory));
        if (in_memory < 1 || in_memory > most) section.fail("in_memory", "must be 1 to " + std::to_string(most));
        settings.in_memory = static_cast<std::size_t>(in_memory);
        if (section.contains("keep")) {
            const std::chrono::milliseconds keep = deadline(section, "keep", std::chrono::milliseconds(0));
            if (keep.count() > 0) settings.keep_ms = keep.count();
        }
        warn_unknown_keys(section.values(), {"module_decisions"}, {"in_memory", "keep"});
        return settings;
    });
}

BackgroundUpdateSettings ConfigurationReader::background_updates() const {
    return with_place(file_, [&](const ConfigSection& root) {
        BackgroundUpdateSettings settings;
        const ConfigSection section = root.section("background_updates");
        const auto read = [&](std::string_view key, std::int64_t& value, std::int64_t min) {
            value = section.value_or<std::int64_t>(key, value);
            if (value < min) section.fail(key, "must be at least " + std::to_string(min));
        };
        settings.sleep_enabled = section.value_or<bool>("sleep_enabled", settings.sleep_enabled);
        read("background_update_duration_ms", settings.background_update_duration_ms, 1);
        read("sleep_duration_ms", settings.sleep_duration_ms, 0);
        read("min_batch_size", settings.min_batch_size, 1);
        read("default_batch_size", settings.default_batch_size, 1);
        warn_unknown_keys(
            section.values(), {"background_updates"},
            {"sleep_enabled", "background_update_duration_ms", "sleep_duration_ms", "min_batch_size", "default_batch_size"});
        return settings;
    });
}

std::vector<std::filesystem::path> ConfigurationReader::module_path(const std::filesystem::path& otherwise) const {
    return with_place(file_, [&](const ConfigSection& root) {
        std::vector<std::filesystem::path> folders;
        const JsonValue* const given = root.values().if_contains("module_path");
        if (given == nullptr || given->is_null()) {
            folders.push_back(otherwise);
        } else if (given->is_string()) {
            folders.push_back(file_.located({"module_path"}, std::string(given->get_string())));
        } else {
            if (!given->is_array()) root.fail("module_path", "must be a folder's path, or a list of them");
            for (const std::string& folder : root.required<std::vector<std::string>>("module_path"))
                folders.push_back(file_.located({"module_path"}, folder));
        }
        return folders;
    });
}

DatabaseSettings ConfigurationReader::database() const {
    return with_place(file_, [&](const ConfigSection& root) {
        DatabaseSettings settings;
        const ConfigSection section = root.section("database");
        warn_unknown_keys(section.values(), {"database"}, {"name", "args", "read_timeout"});
        const JsonValue* const read_timeout = section.values().if_contains("read_timeout");
        if (read_timeout != nullptr && *read_timeout == "none") {
            settings.read_limit.reset();
        } else {
            settings.read_limit = duration(section, "read_timeout", settings.read_limit.value());
            if (*settings.read_limit == std::chrono::milliseconds(0))
                section.fail("read_timeout", "must be more than 0; none switches it off");
        }
        settings.name = section.value_or<std::string>("name", "sqlite3");
        const ConfigSection arguments = section.section("args");
        if (settings.is_postgresql()) {
            settings.postgresql_connection = postgresql_connection(file_, *this, arguments);
            constexpr std::int64_t max_connections = 100;
            const auto usual = static_cast<std::int64_t>(settings.postgresql_connections);
            const std::int64_t connections = arguments.value_or<std::int64_t>("cp_max", usual);
            if (connections < 1 || connections > max_connections)
                arguments.fail("cp_max", "must be 1 to " + std::to_string(max_connections));
            settings.postgresql_connections = static_cast<std::size_t>(connections);
            return settings;
        }
        if (settings.name != "sqlite3") section.fail("name", "must be sqlite3 or psycopg2");
        warn_unknown_keys(arguments.values(), {"database", "args"}, {"database"});
        const std::string path = arguments.value_or<std::string>("database", settings.database);
        if (path.empty()) arguments.fail("database", "must be a file's path, or \":memory:\"");
        settings.database = path == ":memory:" ? path : file_.located({"database"}, path).string();
        return settings;
    });
}

ProcessSettings ConfigurationReader::process(std::string worker_app) const {
    return with_place(file_, [&](const ConfigSection& root) {
        DatabaseSettings database;
        database.name = root.section("database").value_or<std::string>("name", database.name);
        const bool is_alone = !database.is_postgresql();
        const auto require_postgresql = [&](const ConfigSection& section, std::string_view key) {
            if (is_alone)
                section.fail(key, "is for several processes, and a second process needs PostgreSQL: a database of SQLite is one process's");
        };
        ProcessSettings settings;
        if (root.contains("worker_name")) {
            settings.worker_name = process_name(root, "worker_name");
            if (settings.worker_name == main_process)
                root.fail("worker_name", "must be another name: \"main\" is what the process without worker_name is called");
            require_postgresql(root, "worker_name");
        }
        settings.worker_app = root.value_or<std::string>("worker_app", std::move(worker_app));
        if (root.contains("run_background_tasks_on")) {
            settings.run_background_tasks_on = process_name(root, "run_background_tasks_on");
            require_postgresql(root, "run_background_tasks_on");
        }
        const ConfigSection section = root.section("redis");
        warn_unknown_keys(section.values(), {"redis"},
                          {"enabled", "host", "port", "password", "dbid", "use_tls", "ca_file"});
        RedisSettings given = redis(file_, section);
        if (section.value_or<bool>("enabled", false)) {
            require_postgresql(section, "enabled");
            settings.redis = std::move(given);
        }
        return settings;
    });
}

std::filesystem::path ConfigurationReader::located(const std::string& path) const {
    return file_.located({}, path);
}

void ConfigurationReader::warn_unknown_keys(const JsonDict& object, const ConfigurationPath& path,
                                            std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : object) {
        if (std::find(known.begin(), known.end(), std::string_view(key)) != known.end()) continue;
        ConfigurationPath place = path;
        place.emplace_back(key);
        warn_(file_.describe(place, "is no key that this server knows; it has no effect"));
    }
}

std::chrono::milliseconds ConfigurationReader::duration(const ConfigSection& section, std::string_view key,
                                                        std::chrono::milliseconds otherwise) {
    const JsonValue* const given = section.values().if_contains(key);
    if (given == nullptr || given->is_null()) return otherwise;
    std::optional<std::chrono::milliseconds> read;
    if (given->is_int64() && given->get_int64() >= 0) read.emplace(given->get_int64());
    if (given->is_string()) read = parse_duration(given->get_string());
    if (!read) section.fail(key, "must be a duration: milliseconds, or a number with s, m, h, d, w or y behind it");
    return *read;
}

}  // namespace modapi
