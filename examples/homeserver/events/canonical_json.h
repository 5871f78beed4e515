#pragma once

#include <callbacks/json.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

/// The largest number that canonical JSON has.
constexpr std::int64_t max_integer = (std::int64_t(1) << 53) - 1;

/// Matrix's canonical JSON (specification, appendix "Canonical JSON"): the shortest UTF-8 form, keys sorted by code point. What
/// hashes and signatures are made over.
///
/// Errors: SynapseError 400 `M_BAD_JSON` for a number that isn't an integer of at most 53 bits.
[[nodiscard]] std::string canonical_json(const callbacks::JsonValue& value);
[[nodiscard]] std::string canonical_json(const callbacks::JsonDict& object);

/// A key and what is under it; both outlive it.
using CanonicalMember = std::pair<std::string_view, const callbacks::JsonValue*>;
/// Of an object with these members, in whatever order: what is hashed and signed is a part of an event, which needn't be copied
/// for that. Errors: as above.
[[nodiscard]] std::string canonical_json(std::vector<CanonicalMember> members);
/// Of `object` but for these of its members. Errors: as above.
[[nodiscard]] std::string canonical_json_without(const callbacks::JsonDict& object,
                                                 std::initializer_list<std::string_view> left_out);

}  // namespace homeserver
