#pragma once

#include "events/notifier.h"
#include "rooms/membership.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/json.h>
#include <callbacks/third_party_rules.h>

#include <async/task.h>

#include <optional>
#include <string>

namespace homeserver {

/// Shuts rooms down. One a worker; thread: the worker's.
class RoomShutdown {
public:
    RoomShutdown(modapi::Database& database, const ServerName& server_name,
                 callbacks::ThirdPartyRulesDispatch& third_party_rules, Notifier& notifier, Memberships& memberships) noexcept
        : database_(database),
          server_name_(server_name),
          third_party_rules_(third_party_rules),
          notifier_(notifier),
          memberships_(memberships) {}

    /// Makes every joined or invited user leave, by one membership event each, and removes the room from the database. Gives
    /// the endpoint's answer. Nobody asked: a module did. Errors: SynapseError 403 "Shutdown of this room is forbidden", by
    /// check_can_shutdown_room.
    [[nodiscard]] async::task<callbacks::JsonDict> shut_down(std::optional<std::string> asked_by, std::string room_id);

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    Notifier& notifier_;
    Memberships& memberships_;
};

/// Leaves every room that a deactivated user is joined or invited to or knocks at; one who is active again meanwhile stays. What
/// a module or a rule refuses is logged.
[[nodiscard]] async::task<void> leave_all_rooms(modapi::Database& database, Memberships& memberships, std::string user_id);

}  // namespace homeserver
