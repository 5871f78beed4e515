#include "module_services/module_sessions.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "http/requests.h"
#include "sessions/devices.h"
#include "sessions/login_tokens.h"
#include "sessions/sso_login.h"

#include <callbacks/errors.h>

#include <limits>
#include <utility>

namespace homeserver {

namespace {

using async::task;
using callbacks::Requester;
using callbacks::UserID;
using callbacks::UserIpAndAgent;
using modapi::Transaction;
using ActiveUsers = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t month_ms = std::int64_t{30} * 24 * 60 * 60 * 1000;

std::vector<UserIpAndAgent> find_clients(Transaction& transaction, const std::string& user_id, std::int64_t since_ts) {
    auto rows = transaction.query<std::string, std::string, std::int64_t>(
        "SELECT ip, user_agent, MAX(last_seen) FROM user_ips WHERE user_id = ? AND last_seen >= ? GROUP BY ip, user_agent "
        "ORDER BY MAX(last_seen) DESC, ip, user_agent",
        user_id, since_ts);
    std::vector<UserIpAndAgent> clients;
    for (auto& [ip, user_agent, last_seen] : rows) clients.push_back({std::move(ip), std::move(user_agent), last_seen});
    return clients;
}

/// No application service registers users here: all are `native`.
ActiveUsers find_active_users(Transaction& transaction, std::int64_t start, std::int64_t end) {
    auto rows = transaction.query<std::string>(
        "SELECT user_id FROM user_ips GROUP BY user_id HAVING MAX(last_seen) >= ? AND MAX(last_seen) <= ? ORDER BY user_id",
        start, end);
    ActiveUsers users;
    for (auto& [user_id] : rows) users.emplace_back("native", std::move(user_id));
    return users;
}

}  // namespace

task<Requester> ModuleSessions::get_user_by_req(const modapi::Request& request, bool allow_guest, bool allow_expired) {
    const RoutedRequest routed(request, std::vector<std::string>());
    std::optional<Requester> requester;
    if (allow_expired) {
        requester = co_await authentication_.requester_even_if_expired(routed);
    } else {
        requester = co_await authentication_.requester_of(routed);
    }
    if (requester->is_guest && !allow_guest) {
        throw callbacks::AuthError(403, "Guest access not allowed", callbacks::Codes::GUEST_ACCESS_FORBIDDEN);
    }
    co_return std::move(*requester);
}

task<callbacks::RegisteredDevice> ModuleSessions::register_device(UserID user, std::optional<std::string> device_id,
                                                                  std::optional<std::string> initial_display_name) {
    check_device_id(device_id);
    co_await require_unlocked_account(database_, user.to_string());
    NewSession session =
        co_await to_the_end(
        sessions_.start(user.to_string(), std::move(device_id), std::move(initial_display_name), std::nullopt));
    callbacks::RegisteredDevice device;
    device.device_id = std::move(session.device_id);
    device.access_token = std::move(session.access_token);
    co_return device;
}

task<std::string> ModuleSessions::create_login_token(UserID user, std::int64_t duration_in_ms,
                                                     std::optional<std::string> auth_provider_id,
                                                     std::optional<std::string> auth_provider_session_id) {
    LoginToken token;
    token.user_id = user.to_string();
    token.duration_ms = duration_in_ms;
    token.auth_provider_id = std::move(auth_provider_id);
    token.auth_provider_session_id = std::move(auth_provider_session_id);
    std::string text = co_await homeserver::create_login_token(database_, clock_, std::move(token), std::nullopt);
    co_return text;
}

task<void> ModuleSessions::invalidate_access_token(std::string access_token) {
    Requester requester = co_await requester_of_token(database_, std::move(access_token));
    co_await to_the_end(sessions_.end(std::move(requester)));
}

task<modapi::Response> ModuleSessions::complete_sso_login(UserID registered_user, const modapi::Request&,
                                                          std::string client_redirect_url, bool new_user,
                                                          std::string auth_provider_id) {
    SsoLogin login;
    login.user_id = registered_user.to_string();
    login.client_redirect_url = std::move(client_redirect_url);
    login.is_new_user = new_user;
    login.auth_provider_id = std::move(auth_provider_id);
    return to_the_end(finish_sso_login(database_, clock_, server_name_, sso_settings_, account_validity_, std::move(login)));
}

task<std::vector<UserIpAndAgent>> ModuleSessions::get_user_ip_and_agents(std::string user_id, std::int64_t since_ts) {
    return database_.read("get_user_ip_and_agents", &find_clients, std::move(user_id), since_ts);
}

task<ActiveUsers> ModuleSessions::get_monthly_active_users_by_service(std::optional<std::int64_t> start_timestamp,
                                                                      std::optional<std::int64_t> end_timestamp) {
    const std::int64_t start = start_timestamp.value_or(clock_.wall_time_ms() - month_ms);
    const std::int64_t end = end_timestamp.value_or(std::numeric_limits<std::int64_t>::max());
    return database_.read("get_monthly_active_users_by_service", &find_active_users, start, end);
}

}  // namespace homeserver
