#pragma once

#include <async/task.h>

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace modapi {

/// The addresses of a host, which may be an address itself. A name is looked up on a thread that Asio has for that. The
/// reference outlives the task. Errors: boost::system::system_error. Cancel: at once; the lookup itself ends by itself.
[[nodiscard]] async::task<std::vector<boost::asio::ip::tcp::endpoint>> look_up(const std::string& host, std::uint16_t port);

}  // namespace modapi
