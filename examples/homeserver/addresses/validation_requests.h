#pragma once

#include "addresses/validation.h"
#include "http/router.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <async/clock.h>
#include <async/task.h>

#include <optional>
#include <string>

namespace homeserver {

/// The address that a validated session of this body's `sid` and `client_secret` stands for; none if it isn't one, or if it was
/// asked for to register, or not to. Errors: 400 `M_MISSING_PARAM`, `M_INVALID_PARAM`.
struct ValidationProof {
    std::string sid;
    std::optional<ValidatedAddress> address;
};
[[nodiscard]] async::task<ValidationProof> validation_proof(modapi::Database& database, const async::clock& clock,
                                                            callbacks::JsonDict credentials, bool is_registration);

/// .../requestToken for registrations and accounts, and where the codes are submitted.
void add_validation_endpoints(Router& router);

}  // namespace homeserver
