#include "admin/admin_authentication.h"

#include "access/authentication.h"
#include "accounts/accounts.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Requester;
using callbacks::SynapseError;

}  // namespace

async::task<Requester> authenticate_admin(Authentication& authentication, modapi::Database& database,
                                          const RoutedRequest& request) {
    Requester requester = co_await authentication.requester_of(request);
    const bool is_admin = co_await is_server_admin(database, requester.user.to_string());
    if (!is_admin) throw SynapseError(403, "You are not a server admin", Codes::FORBIDDEN);
    co_return requester;
}

}  // namespace homeserver
