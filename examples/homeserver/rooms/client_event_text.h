#pragma once

#include <callbacks/client_event_text.h>
#include <callbacks/event.h>

namespace homeserver {

/// How clients of this server see an event: its members in their order, and what the server itself puts into `unsigned`. Its
/// number is the event's `age` in milliseconds; the short form is without `room_id`.
[[nodiscard]] callbacks::ClientEventText client_event_text(const callbacks::Event& event);

}  // namespace homeserver
