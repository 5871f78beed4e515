#include "sessions/login.h"

#include "accounts/accounts.h"
#include "http/public_baseurl.h"
#include "http/requests.h"
#include "rate_limits/rate_limits.h"
#include "sessions/devices.h"
#include "sessions/login_authentication.h"
#include "sessions/login_tokens.h"
#include "sessions/session_settings.h"
#include "text/server_name.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/account_validity.h>
#include <callbacks/errors.h>
#include <callbacks/password_auth_provider.h>
#include <callbacks/spam_checker.h>

#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::SynapseError;

constexpr std::string_view token_type = "m.login.token";
constexpr std::string_view service_type = "m.login.application_service";

void add_flow(JsonArray& flows, std::string_view type) {
    JsonDict flow;
    flow["type"] = type;
    flows.emplace_back(std::move(flow));
}

async::task<modapi::Response> login_flows(const RoutedRequest&, const LoginViaExistingSession& login_via_existing_session,
                                          callbacks::PasswordAuthProviderDispatch& password_auth_provider) {
    JsonArray flows;
    const bool offers_tokens = login_via_existing_session.enabled;
    if (offers_tokens) {
        add_flow(flows, token_type);
        flows.back().get_object()["get_login_token"] = true;
    }
    add_flow(flows, password_login_type);
    password_auth_provider.auth_checkers.each_key([&](const callbacks::LoginType& registered, const auto&) {
        const bool is_listed_already = registered.type == password_login_type || registered.type == service_type ||
                                       (registered.type == token_type && offers_tokens);
        if (!is_listed_already) add_flow(flows, registered.type);
    });
    add_flow(flows, service_type);
    JsonDict answer;
    answer["flows"] = std::move(flows);
    co_return ok(std::move(answer));
}

std::string login_type_of(const JsonDict& body) {
    const callbacks::JsonValue* const refresh = body.if_contains("refresh_token");
    if (refresh != nullptr && !refresh->is_bool()) throw SynapseError(400, "`refresh_token` should be true or false.");
    const callbacks::JsonValue* const type = body.if_contains("type");
    if (type == nullptr) throw SynapseError(400, "Missing JSON keys.");
    if (!type->is_string()) throw SynapseError(400, "Bad parameter: type", Codes::INVALID_PARAM);
    return std::string(type->get_string());
}

/// No application service is registered here, so no token is one's.
[[noreturn]] void refuse_application_service(const RoutedRequest& request) {
    if (access_token_of(request).empty()) throw SynapseError(401, "Missing access token", Codes::MISSING_TOKEN);
    throw SynapseError(401, "Invalid access token passed.", Codes::UNKNOWN_TOKEN);
}

struct LoginAttempt {
    std::string user_id;
    std::string type;
    std::optional<std::string> password_hash;     ///< of the server's own password that proved it
    std::optional<std::string> auth_provider_id;  ///< of an identity provider that vouches for the user
    callbacks::ResponseCallback on_response;
    std::optional<std::string> device_id;
    std::optional<std::string> device_display_name;
};

async::task<void> ask_spam_checkers(callbacks::SpamCheckerDispatch& spam_checker, const RoutedRequest& request,
                                    const LoginAttempt& attempt) {
    callbacks::LoginRequestInfo from;
    from.emplace_back(user_agent_of(request), client_address_of(request));
    const callbacks::Verdict verdict = co_await spam_checker.check_login_for_spam(
        attempt.user_id, attempt.device_id, attempt.device_display_name, from, attempt.auth_provider_id);
    deny_if_spam(verdict, "Login was blocked by the server");
}

/// From device and token on: what throws here leaves both.
async::task<JsonDict> finish_login(const ServerName& server_name, const PublicBaseurl& public_baseurl,
                                   callbacks::AccountValidityDispatch& account_validity, Sessions& sessions,
                                   const LoginAttempt& attempt) {
    const NewSession session = co_await sessions.start(attempt.user_id, attempt.device_id, attempt.device_display_name,
                                                       attempt.password_hash);
    const std::optional<std::string> type = attempt.type;
    co_await account_validity.on_user_login(attempt.user_id, type, attempt.auth_provider_id);
    callbacks::LoginResponse response;
    response["user_id"] = attempt.user_id;
    response["access_token"] = session.access_token;
    response["home_server"] = server_name.text();
    response["device_id"] = session.device_id;
    if (attempt.on_response) co_await attempt.on_response.get()(response);
    if (public_baseurl.is_given) {
        JsonDict homeserver;
        homeserver["base_url"] = public_baseurl.url;
        JsonDict well_known;
        well_known["m.homeserver"] = std::move(homeserver);
        response["well_known"] = std::move(well_known);
    }
    co_return response;
}

/// Who logs in, by the server's own meaning of the type if it has one, else by modules' checkers.
async::task<LoginAttempt> authenticated(modapi::Database& database, const async::clock& clock, RateLimits& rate_limits,
                                        LoginAuthentication& login_authentication, const RoutedRequest& request,
                                        JsonDict body) {
    LoginAttempt attempt;
    attempt.type = login_type_of(body);
    rate_limits.take_login_of_address(client_address_of(request));
    if (attempt.type == service_type) refuse_application_service(request);
    if (attempt.type == token_type) {
        LoginToken token = co_await use_login_token(database, clock, required_string_member(body, "token"));
        attempt.user_id = std::move(token.user_id);
        attempt.auth_provider_id = std::move(token.auth_provider_id);
        co_return attempt;
    }
    ProvedUser proved = co_await login_authentication.authenticated(attempt.type, std::move(body));
    attempt.user_id = std::move(proved.accepted.user_id);
    attempt.on_response = std::move(proved.accepted.on_response);
    attempt.password_hash = std::move(proved.password_hash);
    co_return attempt;
}

async::task<modapi::Response> log_in(const RoutedRequest& request, modapi::Database& database, const async::clock& clock,
                                     const ServerName& server_name, const PublicBaseurl& public_baseurl,
                                     RateLimits& rate_limits, callbacks::AccountValidityDispatch& account_validity,
                                     callbacks::SpamCheckerDispatch& spam_checker, Sessions& sessions,
                                     LoginAuthentication& login_authentication) {
    const JsonDict body = required_json_body(request);
    LoginAttempt attempt = co_await authenticated(database, clock, rate_limits, login_authentication, request, body);
    co_await rate_limits.take_login_of_account(attempt.user_id);
    co_await require_unlocked_account(database, attempt.user_id);
    attempt.device_id = optional_string_member(body, "device_id");
    attempt.device_display_name = optional_string_member(body, "initial_device_display_name");
    check_device_id(attempt.device_id);
    co_await ask_spam_checkers(spam_checker, request, attempt);
    JsonDict response = co_await to_the_end(finish_login(server_name, public_baseurl, account_validity, sessions, attempt));
    co_return ok(std::move(response));
}

}  // namespace

void add_login_endpoints(Router& router) {
    add_client(router, "GET", "/login", &login_flows);
    add_client(router, "POST", "/login", &log_in);
}

}  // namespace homeserver
