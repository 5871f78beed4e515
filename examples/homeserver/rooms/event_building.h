#pragma once

#include "events/room_store.h"
#include "events/signing_key.h"
#include "rooms/draft.h"
#include "text/server_name.h"

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <cstdint>

/// How an event of this server is made: its references, hashes, signatures and id. Pure.
namespace homeserver {

/// Who makes an event, and when.
struct EventOrigin {
    const SigningKey& signing_key;
    const ServerName& server_name;
    std::int64_t now_ms = 0;
};

/// Builds a complete, signed event on top of `head` in a room of that state. Errors: SynapseError 400 for what can't be stored.
[[nodiscard]] callbacks::Event build_event(const EventOrigin& origin, const Draft& draft, const RoomHead& head,
                                           const callbacks::StateMap& state);

/// The event that a module put in the place of `original`, of the same room, type and state key. Errors: ModuleFailed for one
/// that can't take that place.
[[nodiscard]] callbacks::Event build_replacement(const EventOrigin& origin, const callbacks::Event& original,
                                                 const callbacks::JsonDict& replacement, const RoomHead& head,
                                                 const callbacks::StateMap& state);

/// What `event` says, behind what the room ends with by now: another id.
[[nodiscard]] callbacks::Event moved_behind(const EventOrigin& origin, const RoomHead& head, const callbacks::Event& event);

/// Puts an event at the room's end.
void follow(RoomHead& head, const callbacks::Event& event);

}  // namespace homeserver
