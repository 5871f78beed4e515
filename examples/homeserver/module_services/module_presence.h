#pragma once

#include "presence/presence.h"
#include "text/server_name.h"

#include <modapi/services/presence_services.h>

namespace homeserver {

/// Presence for modules, by the operations that the endpoints use.
class ModulePresence final : public modapi::PresenceServices {
public:
    ModulePresence(const ServerName& server_name, Presence& presence) noexcept
        : server_name_(server_name), presence_(presence) {}

    [[nodiscard]] async::task<void> send_local_online_presence_to(std::vector<callbacks::UserID> users) override;
    [[nodiscard]] async::task<void> set_presence_for_users(modapi::PresenceUpdates users) override;

private:
    const ServerName& server_name_;
    Presence& presence_;
};

}  // namespace homeserver
