#pragma once

#include "federation/received_pdu.h"
#include "process/server_worker.h"

#include <async/task.h>

/// Joins of other servers' users into restricted rooms, which a server of the room has to vouch for.
namespace homeserver {

/// A join that names a user of this server as who let it in: checked, and signed by this server as well. Any other is given
/// back as it is.
///
/// Errors: SynapseError 403 `M_FORBIDDEN` for who isn't let in, 400 `M_BAD_JSON` for a join that another server should vouch
/// for.
[[nodiscard]] async::task<ReceivedPdu> authorised_join(ServerWorker& worker, ReceivedPdu received);

/// Errors: SynapseError 403 `M_FORBIDDEN` for a join without the signature of the server that it names.
void require_authorising_signature(const ServerWorker& worker, const callbacks::JsonDict& pdu);

}  // namespace homeserver
