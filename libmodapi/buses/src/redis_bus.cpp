#include <modapi/hosting/bus_error.h>
#include <modapi/hosting/redis_bus.h>

#include "redis_line.h"

namespace modapi {

namespace {

const RedisSettings& require_possible(const RedisSettings& settings) {
    if (settings.use_tls && settings.host.starts_with('/'))
        throw BusError("can't open the bus over Redis at " + settings.host + ": a socket in the file system has no TLS");
    return settings;
}

}  // namespace

RedisBus::RedisBus(const RedisSettings& settings, const std::string& server_name, const BusTimes& times)
    : ServerBus(
          [&](const boost::asio::any_io_executor& executor) {
              return std::make_unique<RedisLine>(executor, require_possible(settings), server_name, times.answer_within);
          },
          times) {}

}  // namespace modapi
