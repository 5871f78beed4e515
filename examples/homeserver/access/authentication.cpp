#include "access/authentication.h"

#include "access/seen_clients.h"
#include "http/requests.h"
#include "text/utf8.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;

struct TokenOwner {
    std::int64_t token_id = 0;
    std::string user_id;
    std::optional<std::string> device_id;
    bool is_guest = false;
    bool shadow_banned = false;
};

std::optional<TokenOwner> find_token(modapi::Transaction& transaction, const std::string& token) {
    auto row = transaction.query_one<std::int64_t, std::string, std::optional<std::string>, bool, bool>(
        "SELECT t.token_id, t.user_id, t.device_id, u.is_guest, u.shadow_banned FROM access_tokens t "
        "JOIN users u ON u.user_id = t.user_id WHERE t.token = ? AND u.deactivated = 0",
        token);
    if (!row) return std::nullopt;
    TokenOwner owner;
    std::tie(owner.token_id, owner.user_id, owner.device_id, owner.is_guest, owner.shadow_banned) = std::move(*row);
    return owner;
}

[[noreturn]] void refuse_token(const std::string& text, const char* errcode) {
    callbacks::JsonDict fields;
    if (std::string_view(errcode) == "M_UNKNOWN_TOKEN") fields["soft_logout"] = false;
    throw SynapseError(401, text, errcode, std::move(fields));
}

}  // namespace

bool session_stands(modapi::Transaction& transaction, const callbacks::Requester& requester) {
    // The number of a token that is gone may be another one's by now; it isn't of the same user and device then.
    return transaction
        .query_one<std::int64_t>(
            "SELECT 1 FROM access_tokens t JOIN users u ON u.user_id = t.user_id WHERE t.token_id = ? AND t.user_id = ? AND "
            "COALESCE(t.device_id, '') = ? AND u.deactivated = 0",
            requester.access_token_id.value_or(0), requester.user.to_string(), requester.device_id.value_or(std::string()))
        .has_value();
}

void require_session(modapi::Transaction& transaction, const callbacks::Requester& requester) {
    if (!session_stands(transaction, requester)) refuse_ended_session();
}

void refuse_ended_session() { refuse_token("Invalid access token passed.", "M_UNKNOWN_TOKEN"); }

std::function<bool(modapi::Transaction&)> if_session_stands(callbacks::Requester requester) {
    return [requester = std::move(requester)](modapi::Transaction& transaction) { return session_stands(transaction, requester); };
}

std::function<void(modapi::Transaction&)> while_session_stands(callbacks::Requester requester) {
    return [requester = std::move(requester)](modapi::Transaction& transaction) { require_session(transaction, requester); };
}

async::task<callbacks::Requester> requester_of_token(modapi::Database& database, std::string token) {
    if (!is_storable_text(token)) refuse_token("Invalid access token passed.", "M_UNKNOWN_TOKEN");
    std::optional<TokenOwner> owner = co_await database.read("find_token", &find_token, token);
    if (!owner) refuse_token("Invalid access token passed.", "M_UNKNOWN_TOKEN");
    callbacks::Requester requester{callbacks::UserID(owner->user_id)};
    requester.access_token_id = owner->token_id;
    requester.device_id = std::move(owner->device_id);
    requester.is_guest = owner->is_guest;
    requester.shadow_banned = owner->shadow_banned;
    co_return requester;
}

async::task<callbacks::Requester> Authentication::requester_even_if_expired(const RoutedRequest& request) {
    std::string token = access_token_of(request);
    if (token.empty()) refuse_token("Missing access token", "M_MISSING_TOKEN");
    callbacks::Requester requester = co_await requester_of_token(database_, std::move(token));
    request.authenticated_user = requester.user.to_string();
    SeenClient client;
    client.user_id = request.authenticated_user;
    client.device_id = requester.device_id.value_or(std::string());
    client.ip = client_address_of(request);
    client.user_agent = user_agent_of(request).value_or(std::string());
    seen_clients_.note(std::move(client));
    co_return requester;
}

async::task<callbacks::Requester> Authentication::requester_of(const RoutedRequest& request) {
    callbacks::Requester requester = co_await requester_even_if_expired(request);
    const std::string& user_id = requester.user.to_string();
    const std::optional<bool> expired = co_await account_validity_.is_user_expired(user_id);
    if (expired.value_or(false)) throw SynapseError(403, "User account has expired", Codes::EXPIRED_ACCOUNT);
    co_return requester;
}

}  // namespace homeserver
