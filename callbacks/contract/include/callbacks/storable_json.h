#pragma once

#include <callbacks/json.h>

namespace callbacks {

/// How deep JSON may be nested that is to be stored: the hundred levels that a request may have, and what is put around them.
inline constexpr int max_stored_nesting = 110;

/// Refuses what could be stored but never read again, or sent to anybody: texts that aren't UTF-8, numbers that JSON doesn't
/// have, nesting deeper than `max_stored_nesting`. Clients can't send such, a module can make it. Errors: SynapseError 400
/// `M_BAD_JSON`.
void require_storable(const JsonDict& object);
/// The same of any value.
void require_storable_value(const JsonValue& value);

/// Why nobody could read what a module made: it has a number that JSON doesn't have, or is nested deeper than
/// `max_stored_nesting`. Null: one could. Texts aren't looked at: what isn't UTF-8 in them is replaced when they are sent.
[[nodiscard]] const char* unreadable_because(const JsonDict& object) noexcept;
/// The same of any value.
[[nodiscard]] const char* unreadable_because(const JsonValue& value) noexcept;
/// Ends a value, however deeply it is nested: its destructor would need as deep a stack.
void dismantle(JsonValue value);

}  // namespace callbacks
