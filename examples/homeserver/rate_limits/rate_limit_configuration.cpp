#include "rate_limits/rate_limit_configuration.h"

#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>

namespace homeserver {

namespace {

using modapi::ConfigSection;
using modapi::ConfigurationPath;
using modapi::ConfigurationReader;

void read_limit(const ConfigSection& parent, std::string_view key, const ConfigurationReader& reader, ConfigurationPath path,
                RateLimit& limit) {
    const ConfigSection section = parent.section(key);
    path.emplace_back(key);
    reader.warn_unknown_keys(section.values(), path, {"per_second", "burst_count"});
    const double per_second = section.value_or<double>("per_second", limit.per_second);
    if (!std::isfinite(per_second) || per_second < 0)
        section.fail("per_second", "must be 0, which is no limit, or a finite number above it");
    const std::int64_t burst_count = section.value_or<std::int64_t>("burst_count", limit.burst_count);
    if (burst_count < 0) section.fail("burst_count", "must be 0 or more");
    limit.per_second = per_second;
    limit.burst_count = burst_count;
}

struct Part {
    std::string_view key;
    RateLimit& limit;
};

/// A section that has several limits.
void read_limits(const ConfigSection& root, std::string_view key, const ConfigurationReader& reader,
                 std::initializer_list<Part> parts) {
    const ConfigSection section = root.section(key);
    const ConfigurationPath path(1, std::string(key));
    callbacks::JsonDict unknown = section.values();
    for (const Part& part : parts) {
        unknown.erase(part.key);
        read_limit(section, part.key, reader, path, part.limit);
    }
    reader.warn_unknown_keys(unknown, path, {});
}

}  // namespace

RateLimitSettings read_rate_limits(const ConfigSection& root, const ConfigurationReader& reader) {
    RateLimitSettings settings;
    read_limit(root, "rc_message", reader, {}, settings.message);
    read_limit(root, "rc_registration", reader, {}, settings.registration);
    read_limits(root, "rc_login", reader,
                {{"address", settings.login_address},
                 {"account", settings.login_account},
                 {"failed_attempts", settings.failed_logins}});
    read_limits(root, "rc_joins", reader, {{"local", settings.local_joins}, {"remote", settings.remote_joins}});
    read_limits(root, "rc_invites", reader,
                {{"per_room", settings.invites_per_room},
                 {"per_user", settings.invites_per_user},
                 {"per_issuer", settings.invites_per_issuer}});
    return settings;
}

}  // namespace homeserver
