#pragma once

#include <string>
#include <string_view>

namespace homeserver {

/// A phone number in the form in which it is stored and compared, the digits of its international form: `447700900001`.
/// `number` is as it is dialled in `country` (two letters of ISO 3166), or in international form with `+` or `00`.
///
/// Errors: SynapseError 400 `M_UNKNOWN` "Unable to parse phone number". It isn't checked whether anybody has such a number.
[[nodiscard]] std::string canonical_phone(std::string_view country, std::string_view number);

}  // namespace homeserver
