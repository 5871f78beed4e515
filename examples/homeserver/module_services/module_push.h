#pragma once

#include "events/notifier.h"
#include "push/push_gateway.h"

#include <modapi/database.h>
#include <modapi/services/push_services.h>

namespace homeserver {

/// Pushes for this worker's modules, through the gateways of the users' own pushers.
class ModulePush final : public modapi::PushServices {
public:
    ModulePush(modapi::Database& database, Notifier& notifier, PushGateway& push_gateway) noexcept
        : database_(database), notifier_(notifier), push_gateway_(push_gateway) {}

    [[nodiscard]] async::task<std::map<std::string, bool>> send_http_push_notification(
        callbacks::UserID user, std::optional<std::string> device_id, callbacks::JsonDict content, callbacks::JsonDict tweaks,
        callbacks::JsonDict default_payload) override;
    [[nodiscard]] async::task<void> set_push_rule_action(callbacks::UserID user, std::string kind, std::string rule_id,
                                                         callbacks::JsonArray actions) override;

private:
    modapi::Database& database_;
    Notifier& notifier_;
    PushGateway& push_gateway_;
};

}  // namespace homeserver
