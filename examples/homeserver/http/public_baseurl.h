#pragma once

#include <string>

namespace homeserver {

/// Where clients reach this server.
struct PublicBaseurl {
    std::string url;        ///< ends with `/`
    bool is_given = false;  ///< else it is guessed from the name, and clients aren't sent there
};

}  // namespace homeserver
