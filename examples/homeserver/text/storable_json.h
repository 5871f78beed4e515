#pragma once

#include <callbacks/json.h>

namespace homeserver {

/// Refuses what could be stored but never read again, or sent to anybody: texts that aren't UTF-8, numbers that JSON doesn't
/// have, nesting deeper than any request may have. Clients can't send such, a module can make it. Errors: SynapseError 400
/// `M_BAD_JSON`.
void require_storable(const callbacks::JsonDict& object);

}  // namespace homeserver
