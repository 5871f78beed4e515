#pragma once

#include "federation/verify_keys.h"

#include <callbacks/event.h>

#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// An event that another server sent, after the checks that need nothing but the event.
struct ReceivedPdu {
    callbacks::JsonDict pdu;  ///< without unsigned; what is left of it if its hash is wrong
    std::string event_id;
    std::optional<std::string> refusal;  ///< why it isn't taken, as its sender is told
    bool has_right_form = false;         ///< it is an event, whoever made it
    bool hash_is_wrong = false;          ///< somebody changed it on its way: it is pruned to what its signature covers
};

/// Checks form, sizes, origin, signature and content hash of an event of room version 10. Pure, for any thread; `keys`
/// outlive the call.
///
/// Errors: SynapseError 400 `M_BAD_JSON` for what isn't even canonical JSON: such an event has no id to refuse it by.
[[nodiscard]] ReceivedPdu check_pdu(callbacks::JsonDict pdu, const VerifyKeys* keys, const std::string& origin);

/// The event. Only of one that has the right form.
[[nodiscard]] callbacks::Event event_of(const ReceivedPdu& received);
/// The event with what else came with it: of an invite, the room's stripped state.
[[nodiscard]] callbacks::Event event_of(const ReceivedPdu& received, callbacks::JsonDict unsigned_fields);
/// What is left of an event that modules rejected: pruned like a redacted one.
[[nodiscard]] callbacks::Event pruned_event_of(const ReceivedPdu& received);

}  // namespace homeserver
