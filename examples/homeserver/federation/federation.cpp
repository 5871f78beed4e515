#include "federation/federation.h"

#include "federation/inviting.h"
#include "federation/joining.h"
#include "federation/receiving.h"
#include "federation/server_key.h"

namespace homeserver {

void add_federation_endpoints(Router& router) {
    add_server_key_endpoint(router);
    add_joining_endpoints(router);
    add_inviting_endpoint(router);
    add_receiving_endpoint(router);
}

}  // namespace homeserver
