#pragma once

#include <callbacks/event.h>
#include <callbacks/json.h>

namespace modapi {

/// An event from its JSON, as callbacks::Event::get_dict writes it, and as clients and servers send it. A key that no member of
/// callbacks::EventFields stands for becomes part of `other`.
///
/// Errors: SynapseError 400 `M_BAD_JSON`, "'sender' must be a string": `type`, `room_id`, `sender` and `content` have to be
/// there; `event_id`, `state_key`, `redacts`, `origin_server_ts` (0) and `unsigned` may be left out.
[[nodiscard]] callbacks::Event event_from_json(const callbacks::JsonDict& json);

}  // namespace modapi
