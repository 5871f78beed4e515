#include "admin/admin_authentication.h"

#include "access/authentication.h"
#include "accounts/accounts.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <optional>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Requester;
using callbacks::SynapseError;

void require_admin(modapi::Transaction& transaction, const Requester& requester) {
    require_session(transaction, requester);
    const std::optional<Account> account = find_account(transaction, requester.user.to_string());
    if (!account || !account->admin) throw SynapseError(403, "You are not a server admin", Codes::FORBIDDEN);
}

}  // namespace

async::task<Requester> authenticate_admin(Authentication& authentication, modapi::Database& database,
                                          const RoutedRequest& request) {
    Requester requester = co_await authentication.requester_of(request);
    co_await database.read("require_admin", &require_admin, requester);
    co_return requester;
}

std::function<void(modapi::Transaction&)> while_admin(Requester requester) {
    return [requester = std::move(requester)](modapi::Transaction& transaction) { require_admin(transaction, requester); };
}

}  // namespace homeserver
