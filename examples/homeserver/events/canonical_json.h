#pragma once

#include <callbacks/json.h>

#include <cstdint>
#include <string>

namespace homeserver {

/// The largest number that canonical JSON has.
constexpr std::int64_t max_integer = (std::int64_t(1) << 53) - 1;

/// Matrix's canonical JSON (specification, appendix "Canonical JSON"): the shortest UTF-8 form, keys sorted by code point. What
/// hashes and signatures are made over.
///
/// Errors: SynapseError 400 `M_BAD_JSON` for a number that isn't an integer of at most 53 bits.
[[nodiscard]] std::string canonical_json(const callbacks::JsonValue& value);
[[nodiscard]] std::string canonical_json(const callbacks::JsonDict& object);

}  // namespace homeserver
