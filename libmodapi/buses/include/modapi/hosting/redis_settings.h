#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace modapi {

/// How a Redis server is reached and spoken to.
struct RedisSettings {
    std::string host = "localhost";  ///< a name or an IP address
    std::uint16_t port = 6379;
    std::optional<std::string> password;  ///< a secret; none: it asks for none
    int dbid = 0;                         ///< the number of the database in it
    bool use_tls = false;
    std::string ca_file;  ///< whose certificates are believed, with TLS; empty: the system's
};

}  // namespace modapi
