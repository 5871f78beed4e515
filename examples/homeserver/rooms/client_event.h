#pragma once

#include "../server_worker.h"
#include "room_store.h"

#include <callbacks/users.h>

#include <async/task.h>

#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// For whom events are written.
struct Recipient {
    std::string user_id;
    std::string device_id;     ///< empty: a token without a device
    bool with_room_id = true;  ///< sync leaves it out: the room is known from the place
};

[[nodiscard]] Recipient recipient_of(const callbacks::Requester& requester, bool with_room_id = true);

/// An event as a client gets it; the one place where add_field_to_unsigned runs (semantics 6). The host's own fields of
/// `unsigned` win over the modules'.
[[nodiscard]] async::task<callbacks::JsonDict> client_event(ServerWorker& worker, StoredEvent stored, Recipient recipient);
[[nodiscard]] async::task<callbacks::JsonArray> client_events(ServerWorker& worker, std::vector<StoredEvent> stored,
                                                              Recipient recipient);

/// What somebody outside of the room sees of a state event: type, state key, sender, content.
[[nodiscard]] callbacks::JsonDict stripped_event(const callbacks::Event& event);

}  // namespace homeserver
