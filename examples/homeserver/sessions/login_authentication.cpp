#include "sessions/login_authentication.h"

#include "accounts/accounts.h"
#include "accounts/password_hash.h"
#include "addresses/login_identifier.h"
#include "addresses/third_party_ids.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "text/server_name.h"
#include "text/utf8.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/password_auth_provider.h>

#include <optional>
#include <variant>
#include <vector>

namespace homeserver {

namespace {

using callbacks::AuthResult;
using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::LoginType;
using callbacks::SynapseError;
using Checkers = decltype(callbacks::PasswordAuthProviderDispatch::auth_checkers)::one;


[[noreturn]] void refuse() { throw SynapseError(403, "Invalid username or password", Codes::FORBIDDEN); }

/// It counts.
[[noreturn]] void refuse(RateClaim& attempt) {
    attempt.keep();
    refuse();
}

[[noreturn]] void refuse_deactivated() {
    throw SynapseError(403, "This account has been deactivated", Codes::USER_DEACTIVATED);
}

/// `['a', 'b']`, as the contract's server writes lists.
std::string quoted_list(const std::vector<std::string>& words) {
    std::string text = "[";
    for (const std::string& word : words) {
        const char quote = word.find('\'') != std::string::npos ? '"' : '\'';
        if (text.size() > 1) text += ", ";
        text += quote + word + quote;
    }
    return text + "]";
}

/// Exactly the fields that the checkers of a type were registered with.
JsonDict fields_for(const LoginType& type, const JsonDict& body) {
    JsonDict fields;
    std::vector<std::string> missing;
    for (const std::string& field : type.fields) {
        const JsonValue* const value = body.if_contains(field);
        if (value == nullptr) {
            missing.push_back(field);
        } else {
            fields[field] = *value;
        }
    }
    if (!missing.empty())
        throw SynapseError(400, "Missing parameters for login type " + type.type + ": " + quoted_list(missing));
    return fields;
}

async::task<std::optional<ProvedUser>> check_own_password(modapi::Database& database, const ServerName& server_name,
                                                          const HostPool& host_pool, const std::string& user,
                                                          const std::string& password) {
    const std::string user_id = server_name.user_id_of(user);
    const std::optional<Account> account = co_await database.read("find_account", &find_account_ignoring_case, user_id);
    std::string hash;
    if (account && account->password_hash) hash = *account->password_hash;
    const bool matches = co_await password_matches(host_pool, password, hash);
    // A deactivated account has no password any more; its user is told why none is right.
    if (account && account->deactivated) refuse_deactivated();
    if (!matches) co_return std::nullopt;
    ProvedUser proved{AuthResult(account->user_id), std::move(hash)};
    co_return proved;
}

ProvedUser by_module(AuthResult accepted) { return ProvedUser{std::move(accepted), std::nullopt}; }

/// What modules know of a third-party id and its password.
async::task<std::optional<AuthResult>> ask_about_third_party(callbacks::PasswordAuthProviderDispatch& password_auth_provider,
                                                             const std::string& login_type,
                                                             const ThirdPartyIdentifier& identifier, const JsonDict& body) {
    if (login_type != password_login_type) co_return std::nullopt;
    const std::string password = secret_member(body, "password").value_or(std::string());
    std::optional<AuthResult> accepted =
        co_await password_auth_provider.check_3pid_auth(identifier.medium, identifier.address, password);
    co_return accepted;
}

}  // namespace

async::task<ProvedUser> LoginAuthentication::authenticated(std::string login_type, JsonDict body) {
    const bool is_password = login_type == password_login_type;
    if (is_password) {
        const JsonValue* const password = body.if_contains("password");
        if (password == nullptr || !password->is_string())
            throw SynapseError(400, "Bad parameter: password", Codes::INVALID_PARAM);
    }
    const LoginIdentifier identifier = login_identifier(body);
    std::string user;
    RateClaim attempt;
    if (const ThirdPartyIdentifier* const third_party = std::get_if<ThirdPartyIdentifier>(&identifier)) {
        attempt = rate_limits_.claim_failed_login(third_party->medium + " " + third_party->address);
        std::optional<AuthResult> accepted =
            co_await ask_about_third_party(password_auth_provider_, login_type, *third_party, body);
        if (accepted) co_return by_module(std::move(*accepted));
        const std::optional<std::string> owner = co_await database_.read("owner_of_third_party_id", &owner_of_third_party_id,
                                                                         third_party->medium, third_party->address);
        if (!owner) refuse(attempt);
        user = *owner;
    } else {
        user = std::get<UserIdentifier>(identifier).user;
    }
    attempt = rate_limits_.claim_failed_login(ascii_lower_case(server_name_.user_id_of(user)));
    const LoginType* registered = nullptr;
    const Checkers* const checkers = password_auth_provider_.auth_checkers.find_if([&](const LoginType& type) {
        if (type.type == login_type) registered = &type;
        return registered != nullptr;
    });
    if (checkers == nullptr && !is_password) throw SynapseError(400, "Unknown login type " + login_type);
    if (checkers != nullptr) {
        const JsonDict login_dict = fields_for(*registered, body);
        std::optional<AuthResult> accepted = co_await (*checkers)(user, login_type, login_dict);
        if (accepted) co_return by_module(std::move(*accepted));
    }
    if (!is_password) refuse(attempt);
    const std::string password = secret_member(body, "password").value();
    std::optional<ProvedUser> own = co_await check_own_password(database_, server_name_, host_pool_, user, password);
    if (!own) refuse(attempt);
    co_return std::move(*own);
}

}  // namespace homeserver
