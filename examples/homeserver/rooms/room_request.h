#pragma once

#include "rooms/third_party_invites.h"

#include <callbacks/event.h>

#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// One state event of a room that is to be created.
struct InitialState {
    std::string type;
    std::string state_key;
    callbacks::JsonDict content;
};

/// What a createRoom body asks for, checked: whatever is wrong with it is known before anything is stored.
struct RoomRequest {
    bool is_public = false;  ///< in the room directory
    callbacks::JsonDict creation_content;
    std::optional<std::string> alias_localpart;
    std::vector<InitialState>
        state;  ///< power levels to topic, in the order of sending; between the creator's join and the invites
    std::vector<std::string> invitees;
    std::vector<ThirdPartyInvite> third_party_invitees;  ///< with medium and address
    bool is_direct = false;
};

/// Reads a createRoom body (specification, "POST /createRoom"). `creator` gets power level 100.
///
/// Errors: SynapseError 400 `M_BAD_JSON`, `M_INVALID_PARAM`, `M_UNSUPPORTED_ROOM_VERSION`, `M_INVALID_ROOM_STATE`.
[[nodiscard]] RoomRequest read_room_request(const callbacks::JsonDict& body, const std::string& creator,
                                            const std::string& server_name);

}  // namespace homeserver
