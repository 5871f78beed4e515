#pragma once

#include <modapi/services/push_services.h>

namespace homeserver {

class ServerWorker;

/// Pushes for this worker's modules, through the gateways of the users' own pushers.
class ModulePush final : public modapi::PushServices {
public:
    explicit ModulePush(ServerWorker& worker) noexcept : worker_(worker) {}

    [[nodiscard]] async::task<std::map<std::string, bool>> send_http_push_notification(
        callbacks::UserID user, std::optional<std::string> device_id, callbacks::JsonDict content, callbacks::JsonDict tweaks,
        callbacks::JsonDict default_payload) override;
    [[nodiscard]] async::task<void> set_push_rule_action(callbacks::UserID user, std::string kind, std::string rule_id,
                                                         callbacks::JsonArray actions) override;

private:
    ServerWorker& worker_;
};

}  // namespace homeserver
