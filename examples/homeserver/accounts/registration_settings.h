#pragma once

#include <optional>
#include <string>

namespace homeserver {

/// Who may make accounts.
struct RegistrationSettings {
    bool is_enabled = false;                   ///< whoever wants one
    std::optional<std::string> shared_secret;  ///< who knows it, by the admin API; none: nobody
};

}  // namespace homeserver
