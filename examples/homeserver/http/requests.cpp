#include "http/requests.h"

#include "access/seen_clients.h"
#include "process/server_worker.h"
#include "text/http_text.h"

#include <charconv>
#include <tuple>

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

[[noreturn]] void refuse_member(std::string_view key, std::string_view wanted) {
    throw SynapseError(400, "'" + std::string(key) + "' must be " + std::string(wanted), Codes::INVALID_PARAM);
}

}  // namespace

std::string access_token_of(const RoutedRequest& request) {
    constexpr std::string_view scheme = "Bearer ";
    if (const std::optional<std::string> header = request.http.header("Authorization")) {
        return header->starts_with(scheme) ? header->substr(scheme.size()) : std::string();
    }
    return request.http.argument("access_token").value_or(std::string());
}

async::task<callbacks::Requester> requester_of_token(ServerWorker& worker, std::string token) {
    if (!is_storable_text(token)) refuse_token("Invalid access token passed.", "M_UNKNOWN_TOKEN");
    std::optional<TokenOwner> owner = co_await worker.database().read("find_token", &find_token, token);
    if (!owner) refuse_token("Invalid access token passed.", "M_UNKNOWN_TOKEN");
    callbacks::Requester requester{callbacks::UserID(owner->user_id)};
    requester.access_token_id = owner->token_id;
    requester.device_id = std::move(owner->device_id);
    requester.is_guest = owner->is_guest;
    requester.shadow_banned = owner->shadow_banned;
    co_return requester;
}

async::task<callbacks::Requester> authenticate_expired_too(ServerWorker& worker, const RoutedRequest& request) {
    std::string token = access_token_of(request);
    if (token.empty()) refuse_token("Missing access token", "M_MISSING_TOKEN");
    callbacks::Requester requester = co_await requester_of_token(worker, std::move(token));
    request.authenticated_user = requester.user.to_string();
    SeenClient client;
    client.user_id = request.authenticated_user;
    client.device_id = requester.device_id.value_or(std::string());
    client.ip = client_address_of(request);
    client.user_agent = user_agent_of(request).value_or(std::string());
    worker.seen_clients().note(std::move(client));
    co_return requester;
}

async::task<callbacks::Requester> authenticate(ServerWorker& worker, const RoutedRequest& request) {
    callbacks::Requester requester = co_await authenticate_expired_too(worker, request);
    const std::string& user_id = requester.user.to_string();
    const std::optional<bool> expired = co_await worker.hooks().account_validity.is_user_expired(user_id);
    if (expired.value_or(false)) throw SynapseError(403, "User account has expired", Codes::EXPIRED_ACCOUNT);
    co_return requester;
}

callbacks::JsonDict required_json_body(const RoutedRequest& request) { return request.http.json_object(); }

callbacks::JsonDict json_body(const RoutedRequest& request) {
    if (request.http.body.empty()) return {};
    return required_json_body(request);
}

std::optional<std::string> string_member(const callbacks::JsonDict& body, std::string_view key) {
    std::optional<std::string> value = secret_member(body, key);
    if (value && value->find('\0') != std::string::npos) refuse_member(key, "a string without NUL characters");
    return value;
}

std::optional<std::string> secret_member(const callbacks::JsonDict& body, std::string_view key) {
    const callbacks::JsonValue* const value = body.if_contains(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) refuse_member(key, "a string");
    return std::string(value->get_string());
}

std::string required_string_member(const callbacks::JsonDict& body, std::string_view key) {
    std::optional<std::string> value = string_member(body, key);
    if (!value) throw SynapseError(400, "Missing key '" + std::string(key) + "'", Codes::MISSING_PARAM);
    return std::move(*value);
}

std::optional<std::string> optional_string_member(const callbacks::JsonDict& body, std::string_view key) {
    const callbacks::JsonValue* const value = body.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return string_member(body, key);
}

bool flag_member(const callbacks::JsonDict& body, std::string_view key, bool otherwise) {
    const callbacks::JsonValue* const value = body.if_contains(key);
    if (value == nullptr) return otherwise;
    if (!value->is_bool()) refuse_member(key, "true or false");
    return value->get_bool();
}

std::optional<std::int64_t> integer_argument(const RoutedRequest& request, std::string_view name) {
    const std::optional<std::string> text = request.http.argument(name);
    if (!text) return std::nullopt;
    std::int64_t value = 0;
    const std::from_chars_result read = std::from_chars(text->data(), text->data() + text->size(), value);
    if (read.ec != std::errc() || read.ptr != text->data() + text->size()) {
        throw SynapseError(400, "Query parameter '" + std::string(name) + "' must be an integer", Codes::INVALID_PARAM);
    }
    return value;
}

callbacks::UserID user_parameter(const RoutedRequest& request, std::size_t index) {
    return callbacks::UserID(request.path_parameters.at(index));
}

modapi::Response ok(callbacks::JsonDict body) { return modapi::json_response(200, std::move(body)); }
modapi::Response ok() { return ok(callbacks::JsonDict()); }

std::string client_address_of(const RoutedRequest& request) { return request.http.client_address; }
std::optional<std::string> user_agent_of(const RoutedRequest& request) {
    std::optional<std::string> agent = request.http.header("User-Agent");
    if (agent && !is_storable_text(*agent)) return std::nullopt;
    return agent;
}

void deny_if_spam(const callbacks::Verdict& verdict, const std::string& text) {
    if (!verdict.is_spam()) return;
    const std::optional<std::string_view> own_text = verdict.text();
    throw SynapseError(403, own_text ? std::string(*own_text) : text, std::string(verdict.errcode()),
                       verdict.additional_fields());
}

}  // namespace homeserver
