#pragma once

#include <async/task.h>

#include <string>

namespace modapi {

class Homeserver;

/// Looks at the public room list and changes it (contract: `PublicRoomListManager`). From ModuleApi, whose lifetime and thread
/// it has. Neither permissions nor callbacks are asked: mind whom you do it for.
class PublicRoomListManager {
public:
    explicit PublicRoomListManager(Homeserver& server) noexcept : server_(server) {}

    /// False for an unknown room.
    [[nodiscard]] async::task<bool> room_is_in_public_room_list(std::string room_id);
    /// Errors of both: SynapseError 404 "No row found" for an unknown room.
    [[nodiscard]] async::task<void> add_room_to_public_room_list(std::string room_id);
    /// Errors: as of add_room_to_public_room_list.
    [[nodiscard]] async::task<void> remove_room_from_public_room_list(std::string room_id);

private:
    Homeserver& server_;
};

}  // namespace modapi
