#pragma once

#include <modapi/hosting/redis_settings.h>
#include <modapi/hosting/server_bus.h>

#include <string>

namespace modapi {

/// The bus over Redis, by its publishing and subscribing, on two connections. All buses with one `server_name` and `dbid` hear
/// each other. Whoever may publish on the Redis can speak on it.
class RedisBus final : public ServerBus {
public:
    /// Blocks until Redis has said that it listens, or is known not to be there: that is a warning in the log, and it is tried
    /// again until it is. Errors: BusError for what trying again wouldn't help: a password or database that it refuses, a
    /// certificate that can't be verified, a file that can't be read.
    RedisBus(const RedisSettings& settings, const std::string& server_name, const BusTimes& times = {});
};

}  // namespace modapi
