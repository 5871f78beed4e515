#include <modapi/hosting/postgresql_bus.h>

#include "postgresql_line.h"

#include <stdexcept>

namespace modapi {

namespace {

constexpr std::size_t longest_channel = 63;

const std::string& require_channel(const std::string& channel) {
    if (channel.size() > longest_channel || channel.find('\0') != std::string::npos)
        throw std::invalid_argument("the name of a channel has at most 63 bytes, none of them NUL");
    return channel;
}

}  // namespace

PostgresqlBus::PostgresqlBus(const std::string& connection, const std::string& channel, const BusTimes& times)
    : ServerBus(
          [&](const boost::asio::any_io_executor& executor) {
              return std::make_unique<PostgresqlLine>(executor, connection, require_channel(channel), times.answer_within);
          },
          times) {}

}  // namespace modapi
