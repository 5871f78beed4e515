#pragma once

#include <cstdint>
#include <string>

namespace modapi {

/// Where Redis is, and how it is spoken to.
struct RedisSettings {
    std::string host = "localhost";  ///< or the path of its socket, which begins with `/`
    std::uint16_t port = 6379;
    std::string password;  ///< never logged; empty: it asks for none
    int dbid = 0;
    bool use_tls = false;  ///< its certificate must be for `host`
    std::string ca_file;   ///< whom it must be signed by; empty: by one whom the system trusts
};

}  // namespace modapi
