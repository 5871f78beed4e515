#include "devices.h"

#include "requests.h"
#include "secrets.h"

#include <callbacks/errors.h>

#include <tuple>

namespace homeserver {

namespace {

constexpr std::size_t longest_device_id = 512;

void insert_session(modapi::Transaction& transaction, const std::string& user_id, const NewSession& session,
                    const std::optional<std::string>& display_name, std::int64_t now) {
    transaction.execute(
        "INSERT INTO devices (user_id, device_id, display_name, creation_ts) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        user_id, session.device_id, display_name, now);
    transaction.execute("DELETE FROM access_tokens WHERE user_id = ? AND device_id = ?", user_id, session.device_id);
    transaction.execute(
        "INSERT INTO access_tokens (token_id, token, user_id, device_id) "
        "SELECT COALESCE(MAX(token_id), 0) + 1, ?, ?, ? FROM access_tokens",
        session.access_token, user_id, session.device_id);
}

using RemovedTokens = std::vector<RemovedToken>;

RemovedTokens removed_tokens(std::vector<std::tuple<std::optional<std::string>, std::string>> rows) {
    RemovedTokens tokens;
    for (auto& [device_id, token] : rows) tokens.push_back({std::move(device_id), std::move(token)});
    return tokens;
}

/// The device with all its tokens; the token alone if it has none.
RemovedTokens delete_session(modapi::Transaction& transaction, const std::string& user_id,
                             const std::optional<std::string>& device_id, std::int64_t token_id) {
    if (!device_id) {
        RemovedTokens tokens = removed_tokens(transaction.query<std::optional<std::string>, std::string>(
            "SELECT device_id, token FROM access_tokens WHERE token_id = ?", token_id));
        transaction.execute("DELETE FROM access_tokens WHERE token_id = ?", token_id);
        return tokens;
    }
    RemovedTokens tokens = removed_tokens(transaction.query<std::optional<std::string>, std::string>(
        "SELECT device_id, token FROM access_tokens WHERE user_id = ? AND device_id = ? ORDER BY token_id", user_id,
        *device_id));
    transaction.execute("DELETE FROM access_tokens WHERE user_id = ? AND device_id = ?", user_id, *device_id);
    transaction.execute("DELETE FROM devices WHERE user_id = ? AND device_id = ?", user_id, *device_id);
    return tokens;
}

RemovedTokens delete_all_sessions(modapi::Transaction& transaction, const std::string& user_id) {
    RemovedTokens tokens = removed_tokens(transaction.query<std::optional<std::string>, std::string>(
        "SELECT device_id, token FROM access_tokens WHERE user_id = ? ORDER BY CASE WHEN device_id IS NULL THEN 1 ELSE 0 END, "
        "token_id",
        user_id));
    transaction.execute("DELETE FROM access_tokens WHERE user_id = ?", user_id);
    transaction.execute("DELETE FROM devices WHERE user_id = ?", user_id);
    return tokens;
}

async::task<void> tell_logged_out(ServerWorker& worker, const std::string& user_id, const RemovedTokens& tokens) {
    for (const RemovedToken& token : tokens) {
        co_await worker.hooks().password_auth_provider.on_logged_out(user_id, token.device_id, token.access_token);
    }
}

/// From here on the tokens go, so that all is done for each of them.
async::task<void> end_session(ServerWorker& worker, const callbacks::Requester& requester) {
    const std::string& user_id = requester.user.to_string();
    const std::int64_t token_id = requester.access_token_id.value();
    const RemovedTokens tokens =
        co_await worker.database().run("end_session", &delete_session, user_id, requester.device_id, token_id);
    co_await tell_logged_out(worker, user_id, tokens);
}

async::task<modapi::Response> log_out(ServerWorker& worker, const RoutedRequest& request) {
    const callbacks::Requester requester = co_await authenticate_expired_too(worker, request);
    co_await to_the_end(end_session(worker, requester));
    co_return ok();
}

async::task<modapi::Response> log_out_everywhere(ServerWorker& worker, const RoutedRequest& request) {
    const callbacks::Requester requester = co_await authenticate_expired_too(worker, request);
    co_await to_the_end(end_all_sessions(worker, requester.user.to_string()));
    co_return ok();
}

async::task<modapi::Response> who_am_i(ServerWorker& worker, const RoutedRequest& request) {
    const callbacks::Requester requester = co_await authenticate(worker, request);
    callbacks::JsonDict answer;
    answer["user_id"] = requester.user.to_string();
    answer["is_guest"] = requester.is_guest;
    if (requester.device_id) answer["device_id"] = *requester.device_id;
    co_return ok(std::move(answer));
}

}  // namespace

void check_device_id(const std::optional<std::string>& device_id) {
    if (!device_id || device_id->size() <= longest_device_id) return;
    throw callbacks::SynapseError(400, "device_id cannot be longer than 512 characters.", callbacks::Codes::INVALID_PARAM);
}

async::task<NewSession> start_session(ServerWorker& worker, std::string user_id, std::optional<std::string> device_id,
                                      std::optional<std::string> display_name) {
    NewSession session;
    session.device_id = device_id && !device_id->empty() ? *device_id : new_device_id();
    session.access_token = new_access_token();
    const std::int64_t now = worker.now_ms();
    co_await worker.database().run("start_session", &insert_session, user_id, session, display_name, now);
    co_return session;
}

async::task<void> end_all_sessions(ServerWorker& worker, std::string user_id) {
    const RemovedTokens tokens = co_await worker.database().run("end_all_sessions", &delete_all_sessions, user_id);
    co_await tell_logged_out(worker, user_id, tokens);
}

void add_session_endpoints(Router& router) {
    add_client(router, "POST", "/logout", &log_out);
    add_client(router, "POST", "/logout/all", &log_out_everywhere);
    add_client(router, "GET", "/account/whoami", &who_am_i);
}

}  // namespace homeserver
