#pragma once

#include <callbacks/json.h>

namespace callbacks {

/// How deep JSON may be nested that is to be stored: the hundred levels that a request may have, and what is put around them.
inline constexpr int max_stored_nesting = 110;

/// Refuses what could be stored but never read again, or sent to anybody: texts that aren't UTF-8, numbers that JSON doesn't
/// have, nesting deeper than `max_stored_nesting`. Clients can't send such, a module can make it. Errors: SynapseError 400
/// `M_BAD_JSON`.
void require_storable(const JsonDict& object);
void require_storable_value(const JsonValue& value);

}  // namespace callbacks
