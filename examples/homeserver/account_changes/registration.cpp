#include "account_changes/registration.h"

#include "account_changes/new_user.h"
#include "account_changes/third_party_id_changes.h"
#include "accounts/accounts.h"
#include "accounts/password_hash.h"
#include "accounts/registration_settings.h"
#include "accounts/shared_turns.h"
#include "addresses/third_party_ids.h"
#include "http/requests.h"
#include "rate_limits/rate_limits.h"
#include "sessions/devices.h"
#include "sessions/ui_authentication.h"
#include "text/server_name.h"
#include "text/utf8.h"

#include <modapi/database.h>

#include <callbacks/account_validity.h>
#include <callbacks/errors.h>
#include <callbacks/password_auth_provider.h>

#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;

constexpr const char* operation = "register";

void require_registration(const RegistrationSettings& registration_settings) {
    if (!registration_settings.is_enabled) throw SynapseError(403, "Registration has been disabled", Codes::FORBIDDEN);
}

void require_known_kind(const RoutedRequest& request) {
    const std::string kind = request.http.argument("kind").value_or("user");
    if (kind == "guest") throw SynapseError(403, "Guest access is disabled", Codes::GUEST_ACCESS_FORBIDDEN);
    if (kind != "user") throw SynapseError(400, "Do not understand membership kind: " + kind, Codes::INVALID_PARAM);
}

/// What is to become a user, after the callbacks that choose its names.
struct Candidate {
    NewUser user;
    bool inhibit_login = false;
    std::optional<std::string> device_id;
    std::optional<std::string> device_display_name;
    std::vector<NewThirdPartyId> addresses;  ///< that were validated in the session
};

/// The addresses that the session's stages proved, with the times when they did.
std::vector<NewThirdPartyId> addresses_of(const UiAuthSession& session) {
    std::vector<NewThirdPartyId> addresses;
    for (const auto& [stage, result] : session.completed) {
        if (!result.is_object()) continue;
        const JsonDict& proved = result.get_object();
        NewThirdPartyId id;
        id.medium = required_string_member(proved, "medium");
        id.address = required_string_member(proved, "address");
        id.validated_at = proved.at("validated_at").as_int64();
        id.sid = required_string_member(proved.at("threepid_creds").as_object(), "sid");
        addresses.push_back(std::move(id));
    }
    return addresses;
}

async::task<void> ask_whether_allowed(callbacks::PasswordAuthProviderDispatch& password_auth_provider,
                                      std::vector<NewThirdPartyId> addresses) {
    for (const NewThirdPartyId& id : addresses) {
        const bool is_registration = true;
        const bool allowed = co_await password_auth_provider.is_3pid_allowed(id.medium, id.address, is_registration);
        if (allowed) continue;
        throw SynapseError(403, "Third party identifiers (email/phone numbers) are not authorized on this server",
                           Codes::THREEPID_DENIED);
    }
}

/// What check_registration_for_spam is told of an e-mail address.
std::optional<JsonDict> email_among(const std::vector<NewThirdPartyId>& addresses) {
    for (const NewThirdPartyId& id : addresses) {
        if (id.medium != "email") continue;
        JsonDict email;
        email["medium"] = id.medium;
        email["address"] = id.address;
        email["validated_at"] = *id.validated_at;
        return email;
    }
    return std::nullopt;
}

/// The requested or the modules' localpart; none if neither says one.
async::task<std::optional<std::string>> chosen_localpart(modapi::Database& database, const ServerName& server_name,
                                                         callbacks::PasswordAuthProviderDispatch& password_auth_provider,
                                                         const UiAuthSession& session) {
    std::optional<std::string> chosen =
        co_await password_auth_provider.get_username_for_registration(session.completed, session.parameters);
    if (!chosen) co_return optional_string_member(session.parameters, "username");
    const std::string localpart = ascii_lower_case(std::move(*chosen));
    co_await check_username(database, server_name, localpart);
    co_return localpart;
}

async::task<Candidate> make_candidate(modapi::Database& database, const ServerName& server_name,
                                      callbacks::PasswordAuthProviderDispatch& password_auth_provider,
                                      const RoutedRequest& request, const UiAuthSession& session) {
    Candidate candidate;
    candidate.inhibit_login = flag_member(session.parameters, "inhibit_login", false);
    candidate.device_id = optional_string_member(session.parameters, "device_id");
    candidate.device_display_name = optional_string_member(session.parameters, "initial_device_display_name");
    check_device_id(candidate.device_id);
    if (!session.password_hash) throw SynapseError(400, "Missing params: ['password']", Codes::MISSING_PARAM);
    candidate.user.password_hash = session.password_hash;
    candidate.addresses = addresses_of(session);
    co_await ask_whether_allowed(password_auth_provider, candidate.addresses);
    candidate.user.localpart = co_await chosen_localpart(database, server_name, password_auth_provider, session);
    for (const NewThirdPartyId& id : candidate.addresses) co_await require_free(database, id.medium, id.address);
    candidate.user.email_threepid = email_among(candidate.addresses);
    candidate.user.display_name =
        co_await password_auth_provider.get_displayname_for_registration(session.completed, session.parameters);
    candidate.user.request_info = registration_request_info(request);
    // Its turn may have been lost meanwhile.
    candidate.user.alongside = [session_id = session.session_id](modapi::Transaction& transaction, const std::string& user_id) {
        finish_session(transaction, session_id, user_id);
    };
    co_return candidate;
}

/// It counts from when the account is there, whatever comes of the rest.
void count_when_made(Candidate& candidate, RateClaim claim) {
    candidate.user.alongside = [also = std::move(candidate.user.alongside),
                                claim = std::make_shared<RateClaim>(std::move(claim))](modapi::Transaction& transaction,
                                                                                       const std::string& user_id) {
        if (also) also(transaction, user_id);
        claim->keep();
    };
}

async::task<JsonDict> log_in_new_user(const ServerName& server_name, callbacks::AccountValidityDispatch& account_validity,
                                      Sessions& sessions, std::string user_id, const Candidate& candidate) {
    JsonDict answer;
    answer["user_id"] = user_id;
    answer["home_server"] = server_name.text();
    if (candidate.inhibit_login) co_return answer;
    const NewSession session = co_await sessions.start(user_id, candidate.device_id, candidate.device_display_name, std::nullopt);
    answer["access_token"] = session.access_token;
    answer["device_id"] = session.device_id;
    const std::optional<std::string> no_type;
    const std::optional<std::string> no_provider;
    co_await account_validity.on_user_login(user_id, no_type, no_provider);
    co_return answer;
}

/// A callback that throws once the account's row is there leaves the account.
async::task<JsonDict> register_candidate(const ServerName& server_name, callbacks::AccountValidityDispatch& account_validity,
                                         Sessions& sessions, UserCreation& user_creation,
                                         ThirdPartyIdChanges& third_party_id_changes, const Candidate& candidate) {
    const std::string user_id = co_await user_creation.create(candidate.user);
    co_await account_validity.on_user_registration(user_id);
    for (NewThirdPartyId id : candidate.addresses) {
        id.require = while_usable(user_id);
        co_await third_party_id_changes.add(user_id, std::move(id));
    }
    JsonDict answer = co_await log_in_new_user(server_name, account_validity, sessions, user_id, candidate);
    co_return answer;
}

/// A session that has made its account already logs it in once more.
Candidate repeated_candidate(const UiAuthSession& session) {
    Candidate candidate;
    candidate.inhibit_login = flag_member(session.parameters, "inhibit_login", false);
    candidate.device_id = optional_string_member(session.parameters, "device_id");
    candidate.device_display_name = optional_string_member(session.parameters, "initial_device_display_name");
    check_device_id(candidate.device_id);
    return candidate;
}

/// The localpart that the client wishes for, in this request or in the one that began the session.
std::optional<std::string> requested_localpart(const JsonDict& body, const std::optional<UiAuthSession>& known) {
    const JsonDict& parameters = known && !asks_anew(body) ? known->parameters : body;
    const callbacks::JsonValue* const given = parameters.if_contains("username");
    // Whatever its characters: check_username says what is wrong with them.
    if (given != nullptr && given->is_string()) return std::string(given->get_string());
    return optional_string_member(parameters, "username");
}

async::task<modapi::Response> register_account(const RoutedRequest& request, modapi::Database& database,
                                               const ServerName& server_name, const RegistrationSettings& registration_settings,
                                               RateLimits& rate_limits, callbacks::AccountValidityDispatch& account_validity,
                                               callbacks::PasswordAuthProviderDispatch& password_auth_provider,
                                               SharedTurns& turns, Sessions& sessions, UiAuthentication& ui_authentication,
                                               UserCreation& user_creation, ThirdPartyIdChanges& third_party_id_changes) {
    rate_limits.require_registration(client_address_of(request));
    require_known_kind(request);
    const JsonDict body = required_json_body(request);
    require_registration(registration_settings);
    if (const std::optional<std::string> password = secret_member(body, "password")) check_new_password(*password);
    SharedTurns::Turn in_session;
    if (const std::optional<std::string> session_id = ui_auth_session_id(body)) {
        std::string what = "session " + *session_id;
        in_session = co_await turns.take(std::move(what));
    }
    std::optional<UiAuthSession> known = co_await ui_authentication.find_session(operation, body);
    const std::optional<std::string> requested = requested_localpart(body, known);
    const bool is_repeated = known && known->result;
    SharedTurns::Turn of_name;
    if (requested && !is_repeated) {
        std::string what = "name " + *requested;
        of_name = co_await turns.take(std::move(what));
        co_await check_username(database, server_name, *requested);
    }
    std::variant<UiAuthSession, modapi::Response> outcome =
        co_await ui_authentication.authenticate(operation, body, std::move(known), std::string());
    if (std::holds_alternative<modapi::Response>(outcome)) co_return std::get<modapi::Response>(std::move(outcome));
    const UiAuthSession session = std::get<UiAuthSession>(std::move(outcome));
    JsonDict answer;
    if (session.result) {
        const Candidate candidate = repeated_candidate(session);
        answer = co_await to_the_end(log_in_new_user(server_name, account_validity, sessions, *session.result, candidate));
    } else {
        Candidate candidate = co_await make_candidate(database, server_name, password_auth_provider, request, session);
        count_when_made(candidate, rate_limits.claim_registration(client_address_of(request)));
        answer = co_await to_the_end(register_candidate(server_name, account_validity, sessions, user_creation,
                                                        third_party_id_changes, candidate));
    }
    co_return ok(std::move(answer));
}

async::task<modapi::Response> is_username_available(const RoutedRequest& request, modapi::Database& database,
                                                    const ServerName& server_name,
                                                    const RegistrationSettings& registration_settings) {
    require_registration(registration_settings);
    const std::string username = request.http.required_argument("username");
    co_await check_username(database, server_name, username);
    JsonDict answer;
    answer["available"] = true;
    co_return ok(std::move(answer));
}

}  // namespace

void add_registration_endpoints(Router& router) {
    add_client(router, "POST", "/register", &register_account);
    add_client(router, "GET", "/register/available", &is_username_available);
}

}  // namespace homeserver
