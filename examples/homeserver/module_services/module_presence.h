#pragma once

#include <modapi/services/presence_services.h>

namespace homeserver {

class ServerWorker;

/// Presence for modules, by the operations that the endpoints use.
class ModulePresence final : public modapi::PresenceServices {
public:
    explicit ModulePresence(ServerWorker& worker) noexcept : worker_(worker) {}

    [[nodiscard]] async::task<void> send_local_online_presence_to(std::vector<callbacks::UserID> users) override;
    [[nodiscard]] async::task<void> set_presence_for_users(modapi::PresenceUpdates users) override;

private:
    ServerWorker& worker_;
};

}  // namespace homeserver
