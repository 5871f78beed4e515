#pragma once

#include <modapi/config_section.h>
#include <modapi/database.h>
#include <modapi/hosting/background_updater.h>
#include <modapi/hosting/cache_settings.h>
#include <modapi/hosting/configuration.h>
#include <modapi/hosting/decision.h>
#include <modapi/hosting/module_host.h>
#include <modapi/hosting/process_settings.h>
#include <modapi/http_client.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// Reads the parts of a host's configuration that are the framework's, in the forms that operators know. A host that is
/// configured otherwise fills in the settings themselves.
///
/// Errors, of all its functions: ConfigurationError with file, line and key. Keys of a section that nobody knows are warned
/// about. Lifetime: the file outlives it.
class ConfigurationReader {
public:
    using Warn = std::function<void(const std::string& line)>;

    ConfigurationReader(const ConfigurationFile& file, Warn warn);

    /// What a host gives to each worker: `caches`, `module_start_timeout`, and all of callback_limits() and http_client().
    [[nodiscard]] WorkerSettings worker_settings() const;
    /// `caches: {global_factor, per_cache_factors, expire_caches, cache_entry_ttl}`.
    [[nodiscard]] CacheSettings caches() const;
    /// `ip_range_blocklist`, `ip_range_allowlist`, `http_proxy`, `https_proxy`, `no_proxy_hosts`.
    [[nodiscard]] HttpClientSettings http_client() const;
    /// `module_start_timeout`, a duration.
    [[nodiscard]] std::chrono::milliseconds module_start_timeout(std::chrono::milliseconds otherwise) const;
    /// `slow_callback`, a duration; `callback_deadline`, `interaction_deadline` and `web_resource_deadline`, each a duration or
    /// `none`, which is 0; `web_resource_requests`, a number.
    [[nodiscard]] CallbackLimits callback_limits() const;
    /// `background_updates: {background_update_duration_ms, sleep_enabled, sleep_duration_ms, min_batch_size,
    /// default_batch_size}`.
    [[nodiscard]] BackgroundUpdateSettings background_updates() const;
    /// `module_decisions: {in_memory, keep}`: how many, and a duration or `none`.
    [[nodiscard]] DecisionSettings decisions() const;
    /// `module_path`, a folder or a list of them, relative to the folder of its file.
    [[nodiscard]] std::vector<std::filesystem::path> module_path(const std::filesystem::path& otherwise) const;
    /// `database: {name: sqlite3, args: {database}}`, or `{name: postgresql, args: {host, port, user, password, dbname, ...}}`,
    /// which the contract's server calls `psycopg2`.
    [[nodiscard]] DatabaseSettings database() const;

    /// `worker_name`, `worker_app`, `run_background_tasks_on` and `redis: {enabled, host, port, password, dbid, use_tls, ca_file}`.
    /// `worker_app`: what the host calls its workers, if the file doesn't. Errors also where one of them says that there are several
    /// processes and database() is SQLite, whose file is for one.
    [[nodiscard]] ProcessSettings process(std::string worker_app = "worker") const;

    /// A path as the first file means it: relative to its folder.
    [[deprecated("ConfigurationFile::located(place, written)")]] [[nodiscard]] std::filesystem::path located(
        const std::string& path) const;
    /// Warns of each key of the object at `path` that isn't in `known`.
    void warn_unknown_keys(const callbacks::JsonDict& object, const ConfigurationPath& path,
                           std::initializer_list<std::string_view> known) const;
    /// A duration: milliseconds, or a number with s, m, h, d, w or y behind it. Errors: callbacks::ConfigError.
    [[nodiscard]] static std::chrono::milliseconds duration(const ConfigSection& section, std::string_view key,
                                                            std::chrono::milliseconds otherwise);

private:
    const ConfigurationFile& file_;
    Warn warn_;
};

}  // namespace modapi
