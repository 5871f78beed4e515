#pragma once

#include "access/seen_clients.h"
#include "access/token_owners.h"
#include "http/router.h"

#include <modapi/database.h>

#include <async/task.h>
#include <callbacks/account_validity.h>
#include <callbacks/users.h>

#include <functional>
#include <string>
#include <string_view>

namespace homeserver {

/// Who makes requests to this worker. Thread: the worker's.
class Authentication {
public:
    Authentication(TokenOwners& token_owners, callbacks::AccountValidityDispatch& account_validity,
                   SeenClients& seen_clients) noexcept
        : token_owners_(token_owners), account_validity_(account_validity), seen_clients_(seen_clients) {}

    /// Who makes this request: its access token (header or `access_token` parameter) looked up, and is_user_expired asked.
    /// `act` is what a suspended user can't do, "create rooms", and outlives the task; empty: they can do this.
    ///
    /// Errors: 401 `M_MISSING_TOKEN` "Missing access token", 401 `M_UNKNOWN_TOKEN` "Invalid access token passed." with
    /// `soft_logout` false, 401 `M_USER_LOCKED` "User account has been locked" with `soft_logout` true, 403 `M_USER_SUSPENDED`,
    /// 403 `ORG_MATRIX_EXPIRED_ACCOUNT` "User account has expired".
    [[nodiscard]] async::task<callbacks::Requester> requester_of(const RoutedRequest& request, std::string_view act = {});

    /// Likewise, but an expired account is let through.
    [[nodiscard]] async::task<callbacks::Requester> requester_even_if_expired(const RoutedRequest& request);
    /// Who makes a logout request: an expired account is let through, and a locked one.
    [[nodiscard]] async::task<callbacks::Requester> requester_who_logs_out(const RoutedRequest& request);

private:
    struct Found;
    [[nodiscard]] async::task<Found> find(const RoutedRequest& request);

    TokenOwners& token_owners_;
    callbacks::AccountValidityDispatch& account_validity_;
    SeenClients& seen_clients_;
};

/// Whose access token this is. Errors: 401 `M_UNKNOWN_TOKEN` as above.
[[nodiscard]] async::task<callbacks::Requester> requester_of_token(modapi::Database& database, std::string token);

/// Whether the session that a request came from is there still: not logged out, its account in use and not locked, nor
/// suspended if `act` says what a suspended user can't do. For use inside the transaction that a request ends with, when a
/// module or something else that lasts was waited for since requester_of.
[[nodiscard]] bool session_stands(modapi::Transaction& transaction, const callbacks::Requester& requester,
                                  std::string_view act = {});
/// Throws what requester_of throws for a session that doesn't stand any more.
void require_session(modapi::Transaction& transaction, const callbacks::Requester& requester, std::string_view act = {});
/// session_stands for a transaction of somebody else, who gets it as a condition.
[[nodiscard]] std::function<bool(modapi::Transaction&)> if_session_stands(callbacks::Requester requester, std::string act = {});
/// require_session for a transaction of somebody else, who gets it as a condition.
[[nodiscard]] std::function<void(modapi::Transaction&)> while_session_stands(callbacks::Requester requester,
                                                                             std::string act = {});
/// Throws the 401 `M_USER_LOCKED` of requester_of.
[[noreturn]] void refuse_locked_account();

}  // namespace homeserver
