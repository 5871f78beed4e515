#pragma once

#include "module_services/module_accounts.h"
#include "module_services/module_mail.h"
#include "module_services/module_presence.h"
#include "module_services/module_push.h"
#include "module_services/module_rooms.h"
#include "module_services/module_sessions.h"

namespace homeserver {

/// All that this server offers to a worker's modules.
struct ModuleServices {
    explicit ModuleServices(ServerWorker& worker) noexcept
        : accounts(worker), sessions(worker), rooms(worker), presence(worker), mail(worker), push(worker) {}

    ModuleAccounts accounts;
    ModuleSessions sessions;
    ModuleRooms rooms;
    ModulePresence presence;
    ModuleMail mail;
    ModulePush push;
};

}  // namespace homeserver
