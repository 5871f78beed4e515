#pragma once

#include "events/signing_key.h"
#include "federation/received_pdu.h"
#include "federation/verify_keys.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <async/task.h>

/// Joins of other servers' users into restricted rooms, which a server of the room has to vouch for.
namespace homeserver {

/// Joins of other servers' users into restricted rooms, which a server of the room has to vouch for.
class AuthorisedJoins {
public:
    AuthorisedJoins(modapi::Database& database, const ServerName& server_name, const SigningKey& signing_key,
                    const VerifyKeys& verify_keys) noexcept
        : database_(database), server_name_(server_name), signing_key_(signing_key), verify_keys_(verify_keys) {}

    /// A join that names a user of this server as who let it in: checked, and signed by this server as well. Any other is given
    /// back as it is.
    ///
    /// Errors: SynapseError 403 `M_FORBIDDEN` for who isn't let in, 400 `M_BAD_JSON` for a join that another server should
    /// vouch for.
    [[nodiscard]] async::task<ReceivedPdu> authorised(ReceivedPdu received);

    /// Errors: SynapseError 403 `M_FORBIDDEN` for a join without the signature of the server that it names.
    void require_signature(const callbacks::JsonDict& pdu);

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    const SigningKey& signing_key_;
    const VerifyKeys& verify_keys_;
};

}  // namespace homeserver
