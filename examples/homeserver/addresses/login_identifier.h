#pragma once

#include <callbacks/json.h>

#include <string>
#include <string_view>
#include <variant>

namespace homeserver {

/// A login by user name or id, as the client sent it.
struct UserIdentifier {
    std::string user;
};
/// A login by something that is bound to a user; the address in its canonical form.
struct ThirdPartyIdentifier {
    std::string medium;
    std::string address;
};
using LoginIdentifier = std::variant<UserIdentifier, ThirdPartyIdentifier>;

/// Who a login request says it is: `identifier`, or the old top-level `user`, or `medium` and `address`.
/// Errors: SynapseError 400, `M_INVALID_PARAM` if there is none.
[[nodiscard]] LoginIdentifier login_identifier(const callbacks::JsonDict& body);

/// The form in which an address is stored and compared. Errors: SynapseError 400 `M_UNKNOWN` "Unable to parse email address".
[[nodiscard]] std::string canonical_email(std::string_view address);

}  // namespace homeserver
