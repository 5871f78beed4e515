#pragma once

#include "events/signing_key.h"

#include <callbacks/event.h>
#include <callbacks/limits.h>

#include <string>
#include <string_view>

/// The form of an event in room version 10: its JSON between servers (a PDU), hashes, id, redaction.
namespace homeserver {

using callbacks::max_event;
inline constexpr std::size_t max_identifier = callbacks::max_event_type;  ///< bytes of a room id, sender, type or state key

/// What is left of an event that was redacted (room version 10). It has no `unsigned`.
[[nodiscard]] callbacks::JsonDict redacted(const callbacks::JsonDict& pdu);
/// SHA-256 of the event without signatures, hashes and unsigned; unpadded base64.
[[nodiscard]] std::string content_hash(const callbacks::JsonDict& pdu);
/// `$` and the reference hash: that of the redacted event, without signatures; URL-safe unpadded base64.
[[nodiscard]] std::string event_id_of(const callbacks::JsonDict& pdu);

/// Fills in `hashes` and `signatures` of a PDU that has everything else. Returns the event's id, which isn't part of a PDU.
///
/// Errors: SynapseError 400 `M_BAD_JSON` for numbers outside canonical JSON; 413 `M_TOO_LARGE` "event too large" for more than
/// 65,536 bytes, "'type' too large" for identifiers over 255 bytes.
std::string hash_and_sign(callbacks::JsonDict& pdu, const SigningKey& key, std::string_view server_name);

/// From a complete PDU to the event. `unsigned_fields` isn't part of the PDU. Errors: std::invalid_argument for a PDU that
/// lacks a part of an event.
[[nodiscard]] callbacks::Event event_from_pdu(const callbacks::JsonDict& pdu, std::string event_id,
                                              callbacks::JsonDict unsigned_fields);
[[nodiscard]] callbacks::Event event_from_pdu(callbacks::JsonDict&& pdu, std::string event_id,
                                              callbacks::JsonDict unsigned_fields);
/// From the event to its PDU, which has neither unsigned nor event id.
[[nodiscard]] callbacks::JsonDict pdu_from_event(const callbacks::Event& event);
/// Likewise as the text of a JSON object, without a copy of it.
[[nodiscard]] std::string pdu_text(const callbacks::Event& event);

}  // namespace homeserver
