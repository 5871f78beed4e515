#pragma once

#include "accounts/shared_turns.h"
#include "events/notifier.h"
#include "rooms/membership.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/json.h>
#include <callbacks/third_party_rules.h>

#include <async/task.h>

#include <functional>
#include <optional>
#include <string>

namespace homeserver {

/// Shuts rooms down. One a worker; thread: the worker's.
class RoomShutdown {
public:
    RoomShutdown(modapi::Database& database, const ServerName& server_name,
                 callbacks::ThirdPartyRulesDispatch& third_party_rules, Notifier& notifier, Memberships& memberships,
                 SharedTurns& turns) noexcept
        : database_(database),
          server_name_(server_name),
          third_party_rules_(third_party_rules),
          notifier_(notifier),
          memberships_(memberships),
          turns_(turns) {}

    /// A turn at shutting this room down, for who does nothing if somebody else is at it; none: somebody is.
    [[nodiscard]] async::task<SharedTurns::Turn> begin(std::string room_id);

    /// Makes every joined or invited user leave, by one membership event each, and removes the room from the database; nothing is
    /// done twice by somebody else who does it too. Gives
    /// the endpoint's answer. Nobody asked: a module did. `require` is asked once the modules were, in a transaction: throws if
    /// whoever asked may not any more; empty: they may. Needs a turn. Errors: SynapseError 403 "Shutdown of this room is
    /// forbidden", by check_can_shutdown_room.
    [[nodiscard]] async::task<callbacks::JsonDict> shut_down(SharedTurns::Turn turn, std::optional<std::string> asked_by,
                                                             std::string room_id,
                                                             std::function<void(modapi::Transaction&)> require);

    /// Shuts a room down when everybody who is at it is through.
    [[nodiscard]] async::task<callbacks::JsonDict> shut_down_in_turn(std::string asked_by, std::string room_id,
                                                                     std::function<void(modapi::Transaction&)> require);

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    Notifier& notifier_;
    Memberships& memberships_;
    SharedTurns& turns_;
};

/// Leaves every room that a deactivated user is joined or invited to or knocks at; one who is active again meanwhile stays. What
/// a module or a rule refuses is logged.
[[nodiscard]] async::task<void> leave_all_rooms(modapi::Database& database, Memberships& memberships, std::string user_id);

}  // namespace homeserver
