#pragma once

#include "rate_limits/rate_limit_settings.h"

#include <modapi/database.h>
#include <modapi/hosting/invalidation_bus.h>
#include <modapi/hosting/module_caches.h>

#include <async/cached.h>
#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace homeserver {

/// What an admin says a user may do, in the place of `rc_message`.
struct RateOverride {
    std::int64_t messages_per_second = 0;  ///< 0: whatever the user does isn't limited
    std::int64_t burst_count = 0;
};

/// Users with limits of their own. One a worker, each of which remembers what it asked the database; thread: the worker's.
/// Lifetime: all references outlive it.
class RateOverrides {
public:
    RateOverrides(modapi::Database& database, modapi::InvalidationBus& bus, const boost::asio::any_io_executor& executor);

    /// The limit of this user's messages; none: the usual one. Cost: mostly a look-up in a cache, of what another process has
    /// changed a moment ago the old one.
    [[nodiscard]] async::task<std::optional<RateLimit>> of(const std::string& user_id) { return limits_(user_id); }

    /// As it is stored. Cost: reads the database.
    [[nodiscard]] async::task<std::optional<RateOverride>> stored(std::string user_id);
    /// None: the user is limited as others. `require` throws in the transaction if it isn't wanted any more.
    [[nodiscard]] async::task<void> store(std::string user_id, std::optional<RateOverride> limits,
                                          std::function<void(modapi::Transaction&)> require);

private:
    using Limits = async::cached<std::optional<RateLimit>(const std::string&)>;

    [[nodiscard]] async::task<std::optional<RateLimit>> read(std::string user_id);

    modapi::Database& database_;
    Limits limits_;
    modapi::ModuleCaches caches_;  ///< by which the workers of all processes tell each other
};

}  // namespace homeserver
