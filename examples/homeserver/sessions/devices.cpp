#include "sessions/devices.h"

#include "access/authentication.h"
#include "accounts/accounts.h"
#include "http/requests.h"
#include "sessions/ui_authentication.h"
#include "text/secrets.h"
#include "text/size_limits.h"
#include "text/unicode_text.h"
#include "text/utf8.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <tuple>

namespace homeserver {

namespace {

// In characters.
constexpr std::size_t max_device_id = 512;
constexpr std::size_t max_display_name = 100;
constexpr std::size_t max_listed_devices = 1000;

/// Whether it has taken the place of another one.
bool insert_session(modapi::Transaction& transaction, const std::string& user_id, const NewSession& session,
                    const std::optional<std::string>& display_name, const std::optional<std::string>& password_hash,
                    std::int64_t now) {
    require_unlocked(transaction, user_id);
    if (password_hash) require_password(transaction, user_id, *password_hash);
    transaction.execute(
        "INSERT INTO devices (user_id, device_id, display_name, creation_ts) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        user_id, session.device_id, display_name, now);
    const auto replaced = transaction.query<std::string>(
        "DELETE FROM access_tokens WHERE user_id = ? AND device_id = ? RETURNING token", user_id, session.device_id);
    for (const auto& [token] : replaced) forget_token(transaction, token);
    transaction.execute(
        "INSERT INTO access_tokens (token_id, token, user_id, device_id) "
        "SELECT COALESCE(MAX(token_id), 0) + 1, ?, ?, ? FROM access_tokens",
        session.access_token, user_id, session.device_id);
    return !replaced.empty();
}

async::task<modapi::Response> log_out(const RoutedRequest& request, Authentication& authentication, Sessions& sessions) {
    const callbacks::Requester requester = co_await authentication.requester_who_logs_out(request);
    co_await to_the_end(sessions.end(requester));
    co_return ok();
}

async::task<modapi::Response> log_out_everywhere(const RoutedRequest& request, Authentication& authentication,
                                                 Sessions& sessions) {
    const callbacks::Requester requester = co_await authentication.requester_who_logs_out(request);
    co_await to_the_end(sessions.end_all(requester.user.to_string()));
    co_return ok();
}

async::task<modapi::Response> who_am_i(const RoutedRequest& request, Authentication& authentication) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    callbacks::JsonDict answer;
    answer["user_id"] = requester.user.to_string();
    answer["is_guest"] = requester.is_guest;
    if (requester.device_id) answer["device_id"] = *requester.device_id;
    co_return ok(std::move(answer));
}

/// A device as its user sees it.
struct Device {
    std::string device_id;
    std::optional<std::string> display_name;
};

std::vector<Device> devices_of(modapi::Transaction& transaction, const std::string& user_id) {
    std::vector<Device> devices;
    auto rows = transaction.query<std::string, std::optional<std::string>>(
        "SELECT device_id, display_name FROM devices WHERE user_id = ? ORDER BY creation_ts, device_id", user_id);
    for (auto& [device_id, display_name] : rows) devices.push_back({std::move(device_id), std::move(display_name)});
    return devices;
}

std::optional<Device> find_device(modapi::Transaction& transaction, const std::string& user_id, const std::string& device_id) {
    auto row = transaction.query_one<std::optional<std::string>>(
        "SELECT display_name FROM devices WHERE user_id = ? AND device_id = ?", user_id, device_id);
    if (!row) return std::nullopt;
    return Device{device_id, std::move(std::get<0>(*row))};
}

/// False: there is no such device.
bool rename_device(modapi::Transaction& transaction, const callbacks::Requester& requester, const Device& device) {
    require_session(transaction, requester);
    return transaction.execute(
               "UPDATE devices SET display_name = COALESCE(?, display_name) WHERE user_id = ? AND device_id = ?",
               device.display_name, requester.user.to_string(), device.device_id) != 0;
}

RemovedTokens delete_devices(modapi::Transaction& transaction, const callbacks::Requester& requester,
                             const std::vector<std::string>& device_ids) {
    require_session(transaction, requester);
    return remove_devices(transaction, requester.user.to_string(), device_ids);
}

callbacks::JsonDict written(const Device& device) {
    callbacks::JsonDict described;
    described["device_id"] = device.device_id;
    if (device.display_name) described["display_name"] = *device.display_name;
    return described;
}

[[noreturn]] void refuse_unknown_device() { throw callbacks::SynapseError(404, "Not found", callbacks::Codes::NOT_FOUND); }

async::task<modapi::Response> list_devices(const RoutedRequest& request, Authentication& authentication,
                                           modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::string& user_id = requester.user.to_string();
    const std::vector<Device> devices = co_await database.read("devices_of", &devices_of, user_id);
    callbacks::JsonArray list;
    for (const Device& device : devices) list.emplace_back(written(device));
    callbacks::JsonDict answer;
    answer["devices"] = std::move(list);
    co_return ok(std::move(answer));
}

async::task<modapi::Response> get_device(const RoutedRequest& request, Authentication& authentication,
                                         modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::string& user_id = requester.user.to_string();
    const std::string& device_id = request.path_parameters.at(0);
    const std::optional<Device> device = co_await database.read("find_device", &find_device, user_id, device_id);
    if (!device) refuse_unknown_device();
    co_return ok(written(*device));
}

async::task<modapi::Response> put_device(const RoutedRequest& request, Authentication& authentication,
                                         modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const callbacks::JsonDict body = json_body(request);
    Device device;
    device.device_id = request.path_parameters.at(0);
    device.display_name = optional_string_member(body, "display_name");
    if (device.display_name && character_count(*device.display_name) > max_display_name) {
        throw callbacks::SynapseError(400, "Device display name is too long (max 100)", callbacks::Codes::TOO_LARGE);
    }
    const bool is_known = co_await database.run("rename_device", &rename_device, requester, device);
    if (!is_known) refuse_unknown_device();
    co_return ok();
}

/// From here on the devices go, so that all is done for each of their tokens.
async::task<void> end_devices(modapi::Database& database, Sessions& sessions, callbacks::Requester requester,
                              std::vector<std::string> device_ids) {
    RemovedTokens tokens = co_await database.run("delete_devices", &delete_devices, requester, std::move(device_ids));
    co_await sessions.tell_logged_out(requester.user.to_string(), std::move(tokens));
}

/// Whoever removes devices proves once more who they are.
async::task<modapi::Response> remove_proved(modapi::Database& database, Sessions& sessions, UiAuthentication& ui_authentication,
                                            std::string operation, callbacks::Requester requester, callbacks::JsonDict body,
                                            std::vector<std::string> device_ids) {
    std::optional<modapi::Response> challenge =
        co_await ui_authentication.prove_again(std::move(operation), std::move(body), requester.user.to_string());
    if (challenge) co_return std::move(*challenge);
    co_await to_the_end(end_devices(database, sessions, std::move(requester), std::move(device_ids)));
    co_return ok();
}

async::task<modapi::Response> delete_device(const RoutedRequest& request, Authentication& authentication,
                                            modapi::Database& database, Sessions& sessions,
                                            UiAuthentication& ui_authentication) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    callbacks::JsonDict body = json_body(request);
    std::vector<std::string> device_ids;
    device_ids.push_back(request.path_parameters.at(0));
    std::string operation = "delete device " + device_ids.front();
    modapi::Response response = co_await remove_proved(database, sessions, ui_authentication, std::move(operation),
                                                       requester, std::move(body), std::move(device_ids));
    co_return response;
}

std::vector<std::string> listed_devices(const callbacks::JsonDict& body) {
    const callbacks::JsonValue* const listed = body.if_contains("devices");
    if (listed == nullptr) throw callbacks::SynapseError(400, "Missing key 'devices'", callbacks::Codes::MISSING_PARAM);
    std::vector<std::string> device_ids;
    const auto refuse = [] {
        throw callbacks::SynapseError(400, "'devices' must be a list of strings", callbacks::Codes::INVALID_PARAM);
    };
    if (!listed->is_array()) refuse();
    require_entries("devices", listed->get_array().size(), max_listed_devices);
    for (const callbacks::JsonValue& device_id : listed->get_array()) {
        if (!device_id.is_string()) refuse();
        std::string text(device_id.get_string());
        if (!is_storable_text(text)) refuse();
        device_ids.push_back(std::move(text));
    }
    return device_ids;
}

async::task<modapi::Response> delete_listed_devices(const RoutedRequest& request, Authentication& authentication,
                                                    modapi::Database& database, Sessions& sessions,
                                                    UiAuthentication& ui_authentication) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    callbacks::JsonDict body = required_json_body(request);
    std::vector<std::string> device_ids = listed_devices(body);
    modapi::Response response = co_await remove_proved(database, sessions, ui_authentication, "delete listed devices",
                                                       requester, std::move(body), std::move(device_ids));
    co_return response;
}

}  // namespace

void check_device_id(const std::optional<std::string>& device_id) {
    if (!device_id || character_count(*device_id) <= max_device_id) return;
    throw callbacks::SynapseError(400, "device_id cannot be longer than 512 characters.", callbacks::Codes::INVALID_PARAM);
}

async::task<NewSession> Sessions::start(std::string user_id, std::optional<std::string> device_id,
                                        std::optional<std::string> display_name, std::optional<std::string> password_hash) {
    NewSession session;
    session.device_id = device_id && !device_id->empty() ? *device_id : new_device_id();
    session.access_token = new_access_token();
    const std::int64_t now = clock_.wall_time_ms();
    const bool has_replaced =
        co_await database_.run("start_session", &insert_session, user_id, session, display_name, password_hash, now);
    if (has_replaced) co_await known_everywhere();
    co_return session;
}

async::task<void> Sessions::end(callbacks::Requester requester) {
    RemovedTokens tokens = co_await database_.run("end_session", &remove_session, requester);
    co_await tell_logged_out(requester.user.to_string(), std::move(tokens));
}

async::task<void> Sessions::known_everywhere() {
    try {
        co_await notifier_.all_have_read();
    } catch (const modapi::DatabaseError& error) {
        // It is committed: they hear of it as soon as they can read again.
        spdlog::warn("other processes couldn't be asked whether they know which sessions have ended: {}", error.what());
    }
}

async::task<void> Sessions::end_syncs(std::string user_id) {
    notifier_.wake_everywhere(user_id);
    co_await known_everywhere();
}

async::task<void> Sessions::tell_logged_out(std::string user_id, RemovedTokens tokens) {
    co_await end_syncs(user_id);
    for (const RemovedToken& token : tokens) {
        co_await password_auth_provider_.on_logged_out(user_id, token.device_id, token.access_token);
    }
}

async::task<void> Sessions::end_all(std::string user_id) {
    const std::optional<std::string> no_device;
    RemovedTokens tokens = co_await database_.run("end_all_sessions", &remove_all_sessions, user_id, no_device);
    co_await tell_logged_out(std::move(user_id), std::move(tokens));
}

void add_session_endpoints(Router& router) {
    add_client(router, "POST", "/logout", &log_out);
    add_client(router, "POST", "/logout/all", &log_out_everywhere);
    add_client(router, "GET", "/account/whoami", &who_am_i);
    add_client(router, "GET", "/devices", &list_devices);
    add_client(router, "GET", "/devices/{device_id}", &get_device);
    add_client(router, "PUT", "/devices/{device_id}", &put_device);
    add_client(router, "DELETE", "/devices/{device_id}", &delete_device);
    add_client(router, "POST", "/delete_devices", &delete_listed_devices);
}

}  // namespace homeserver
