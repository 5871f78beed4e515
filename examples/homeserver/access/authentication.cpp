#include "access/authentication.h"

#include "access/seen_clients.h"
#include "http/requests.h"
#include "text/utf8.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <memory>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;

[[noreturn]] void refuse_token(const std::string& text, const char* errcode) {
    callbacks::JsonDict fields;
    if (std::string_view(errcode) == "M_UNKNOWN_TOKEN") fields["soft_logout"] = false;
    throw SynapseError(401, text, errcode, std::move(fields));
}

[[noreturn]] void refuse_suspended_account(std::string_view act) {
    throw SynapseError(403, "Your account is suspended: you can't " + std::string(act), Codes::USER_ACCOUNT_SUSPENDED);
}

/// What a session is good for.
enum class Use : unsigned char { none, none_while_locked, some_while_suspended, all };

Use use_of_session(modapi::Transaction& transaction, const callbacks::Requester& requester) {
    // The number of a token that is gone may be another one's by now; it isn't of the same user and device then.
    const auto row = transaction.query_one<bool, bool>(
        "SELECT u.locked, u.suspended FROM access_tokens t JOIN users u ON u.user_id = t.user_id WHERE t.token_id = ? AND "
        "t.user_id = ? AND COALESCE(t.device_id, '') = ? AND u.deactivated = 0",
        requester.access_token_id.value_or(0), requester.user.to_string(), requester.device_id.value_or(std::string()));
    if (!row) return Use::none;
    const auto& [locked, suspended] = *row;
    if (locked) return Use::none_while_locked;
    return suspended ? Use::some_while_suspended : Use::all;
}

[[noreturn]] void refuse_unknown_token() { refuse_token("Invalid access token passed.", "M_UNKNOWN_TOKEN"); }

callbacks::Requester requester_for(const TokenOwner& owner) {
    callbacks::Requester requester{callbacks::UserID(owner.user_id)};
    requester.access_token_id = owner.token_id;
    requester.device_id = owner.device_id;
    requester.is_guest = owner.is_guest;
    requester.shadow_banned = owner.shadow_banned;
    return requester;
}

}  // namespace

/// Who makes a request, and what they may not do.
struct Authentication::Found {
    explicit Found(const TokenOwner& owner)
        : requester(requester_for(owner)), locked(owner.locked), suspended(owner.suspended) {}

    callbacks::Requester requester;
    bool locked;
    bool suspended;
};

bool session_stands(modapi::Transaction& transaction, const callbacks::Requester& requester, std::string_view act) {
    const Use use = use_of_session(transaction, requester);
    return use == Use::all || (use == Use::some_while_suspended && act.empty());
}

void require_session(modapi::Transaction& transaction, const callbacks::Requester& requester, std::string_view act) {
    const Use use = use_of_session(transaction, requester);
    if (use == Use::none) refuse_unknown_token();
    if (use == Use::none_while_locked) refuse_locked_account();
    if (use == Use::some_while_suspended && !act.empty()) refuse_suspended_account(act);
}

void refuse_locked_account() {
    callbacks::JsonDict fields;
    fields["soft_logout"] = true;
    throw SynapseError(401, "User account has been locked", std::string(callbacks::errcode_of(Codes::USER_LOCKED)),
                       std::move(fields));
}

std::function<bool(modapi::Transaction&)> if_session_stands(callbacks::Requester requester, std::string act) {
    return [requester = std::move(requester), act = std::move(act)](modapi::Transaction& transaction) {
        return session_stands(transaction, requester, act);
    };
}

std::function<void(modapi::Transaction&)> while_session_stands(callbacks::Requester requester, std::string act) {
    return [requester = std::move(requester), act = std::move(act)](modapi::Transaction& transaction) {
        require_session(transaction, requester, act);
    };
}

async::task<callbacks::Requester> requester_of_token(modapi::Database& database, std::string token) {
    if (!is_storable_text(token)) refuse_unknown_token();
    const std::optional<TokenOwner> owner = co_await database.read("find_token", &find_token_owner, std::move(token));
    if (!owner) refuse_unknown_token();
    co_return requester_for(*owner);
}

async::task<Authentication::Found> Authentication::find(const RoutedRequest& request) {
    std::string token = access_token_of(request);
    if (token.empty()) refuse_token("Missing access token", "M_MISSING_TOKEN");
    if (!is_storable_text(token)) refuse_unknown_token();
    const std::shared_ptr<const TokenOwner> owner = co_await token_owners_.of(std::move(token));
    if (owner == nullptr) refuse_unknown_token();
    Found found(*owner);
    const callbacks::Requester& requester = found.requester;
    request.authenticated_user = requester.user.to_string();
    SeenClient client;
    client.user_id = request.authenticated_user;
    client.device_id = requester.device_id.value_or(std::string());
    client.ip = client_address_of(request);
    client.user_agent = user_agent_of(request).value_or(std::string());
    seen_clients_.note(std::move(client));
    co_return found;
}

async::task<callbacks::Requester> Authentication::requester_who_logs_out(const RoutedRequest& request) {
    Found found = co_await find(request);
    co_return std::move(found.requester);
}

async::task<callbacks::Requester> Authentication::requester_even_if_expired(const RoutedRequest& request) {
    Found found = co_await find(request);
    if (found.locked) refuse_locked_account();
    co_return std::move(found.requester);
}

async::task<callbacks::Requester> Authentication::requester_of(const RoutedRequest& request, std::string_view act) {
    Found found = co_await find(request);
    if (found.locked) refuse_locked_account();
    const std::string& user_id = found.requester.user.to_string();
    const std::optional<bool> expired = co_await account_validity_.is_user_expired(user_id);
    if (expired.value_or(false)) throw SynapseError(403, "User account has expired", Codes::EXPIRED_ACCOUNT);
    if (found.suspended && !act.empty()) refuse_suspended_account(act);
    co_return std::move(found.requester);
}

}  // namespace homeserver
