#include "sessions/login_tokens.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "accounts/shared_time.h"
#include "http/requests.h"
#include "sessions/session_settings.h"
#include "sessions/ui_authentication.h"
#include "text/secrets.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <tuple>
#include <utility>
#include <variant>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

void insert_token(Transaction& transaction, const std::string& token, const LoginToken& about,
                  const std::optional<callbacks::Requester>& requester, std::int64_t own_now) {
    const std::int64_t now = shared_time_ms(transaction, own_now);
    require_unlocked(transaction, about.user_id);
    if (requester) require_session(transaction, *requester);
    transaction.execute("DELETE FROM login_tokens WHERE expiry_ts <= ?", now);
    transaction.execute(
        "INSERT INTO login_tokens (token, user_id, expiry_ts, auth_provider_id, auth_provider_session_id) VALUES (?, ?, ?, ?, "
        "?)",
        token, about.user_id, now + about.duration_ms, about.auth_provider_id, about.auth_provider_session_id);
}

std::optional<LoginToken> take_token(Transaction& transaction, const std::string& token, std::int64_t own_now) {
    const std::int64_t now = shared_time_ms(transaction, own_now);
    auto row = transaction.query_one<std::string, std::int64_t, std::optional<std::string>, std::optional<std::string>>(
        "SELECT user_id, expiry_ts - CAST(? AS BIGINT), auth_provider_id, auth_provider_session_id FROM login_tokens "
        "WHERE token = ? AND expiry_ts > ?",
        now, token, now);
    transaction.execute("DELETE FROM login_tokens WHERE token = ?", token);
    if (!row) return std::nullopt;
    LoginToken found;
    std::tie(found.user_id, found.duration_ms, found.auth_provider_id, found.auth_provider_session_id) = std::move(*row);
    return found;
}

async::task<Response> get_token(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                const async::clock& clock, const LoginViaExistingSession& login_via_existing_session,
                                UiAuthentication& ui_authentication) {
    const LoginViaExistingSession& settings = login_via_existing_session;
    if (!settings.enabled) throw SynapseError(404, "Unrecognized request", Codes::UNRECOGNIZED);
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    LoginToken token;
    token.user_id = requester.user.to_string();
    token.duration_ms = settings.token_timeout_ms;
    if (settings.require_ui_auth) {
        callbacks::JsonDict body = json_body(request);
        std::optional<Response> challenge = co_await ui_authentication.prove_again("get_token", std::move(body), token.user_id);
        if (challenge) co_return std::move(*challenge);
    }
    callbacks::JsonDict answer;
    answer["expires_in_ms"] = token.duration_ms;
    answer["login_token"] = co_await create_login_token(database, clock, std::move(token), requester);
    co_return ok(std::move(answer));
}

}  // namespace

async::task<std::string> create_login_token(modapi::Database& database, const async::clock& clock, LoginToken token,
                                            std::optional<callbacks::Requester> requester) {
    std::string text = new_login_token();
    const std::int64_t now = clock.wall_time_ms();
    co_await database.run("create_login_token", &insert_token, text, std::move(token), std::move(requester), now);
    co_return text;
}

async::task<LoginToken> use_login_token(modapi::Database& database, const async::clock& clock, std::string token) {
    const std::int64_t now = clock.wall_time_ms();
    std::optional<LoginToken> found = co_await database.run("use_login_token", &take_token, std::move(token), now);
    if (!found) throw SynapseError(403, "Invalid login token", Codes::FORBIDDEN);
    co_return std::move(*found);
}

void add_login_token_endpoint(Router& router) { router.add("POST", "/_matrix/client/v1/login/get_token", &get_token); }

}  // namespace homeserver
