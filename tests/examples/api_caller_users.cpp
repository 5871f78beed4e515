#include "api_caller.h"

#include <memory>
#include <stdexcept>
#include <utility>

namespace api_caller {

namespace {

task<JsonValue> check_user_exists(Call call) {
    const std::optional<std::string> found = co_await call.api.check_user_exists(call.text(0));
    co_return written(found);
}

task<JsonValue> get_userinfo_by_id(Call call) {
    const std::optional<callbacks::UserInfo> info = co_await call.api.get_userinfo_by_id(call.text(0));
    if (!info) co_return nullptr;
    JsonDict found;
    found["user_id"] = info->user_id.to_string();
    found["appservice_id"] = written(info->appservice_id);
    found["consent_server_notice_sent"] = written(info->consent_server_notice_sent);
    found["consent_version"] = written(info->consent_version);
    found["consent_ts"] = written(info->consent_ts);
    found["user_type"] = written(info->user_type);
    found["creation_ts"] = info->creation_ts;
    found["is_admin"] = info->is_admin;
    found["is_deactivated"] = info->is_deactivated;
    found["is_guest"] = info->is_guest;
    found["is_shadow_banned"] = info->is_shadow_banned;
    found["approved"] = info->approved;
    found["locked"] = info->locked;
    found["suspended"] = info->suspended;
    co_return found;
}

/// Order (`by_id`, `oldest_first`, `newest_first`), limit, and the creation_ts and id of the user it goes on after.
task<JsonValue> list_local_users(Call call) {
    const std::string order_name = call.text(0);
    modapi::UserOrder order = modapi::UserOrder::by_id;
    if (order_name == "oldest_first") order = modapi::UserOrder::oldest_first;
    if (order_name == "newest_first") order = modapi::UserOrder::newest_first;
    const int limit = static_cast<int>(call.optional_number(1).value_or(100));
    std::optional<callbacks::UserInfo> after;
    if (call.has(2)) {
        after.emplace(callbacks::UserID(call.text(3)));
        after->creation_ts = call.optional_number(2).value();
    }
    const std::vector<callbacks::UserInfo> users = co_await call.api.list_local_users(order, limit, after);
    JsonArray list;
    for (const callbacks::UserInfo& user : users) {
        JsonDict entry;
        entry["user_id"] = user.user_id.to_string();
        entry["creation_ts"] = user.creation_ts;
        entry["is_admin"] = user.is_admin;
        entry["is_deactivated"] = user.is_deactivated;
        list.emplace_back(std::move(entry));
    }
    co_return list;
}

task<JsonValue> get_user_by_req(Call call) {
    const callbacks::Requester requester = co_await call.api.get_user_by_req(call.request, call.flag(0), call.flag(1));
    JsonDict found;
    found["user_id"] = requester.user.to_string();
    found["device_id"] = written(requester.device_id);
    found["is_guest"] = requester.is_guest;
    found["authenticated_entity"] = requester.authenticated_entity;
    co_return found;
}

task<JsonValue> is_user_admin(Call call) { co_return co_await call.api.is_user_admin(call.text(0)); }

task<JsonValue> set_user_admin(Call call) {
    co_await call.api.set_user_admin(call.text(0), call.flag(1));
    co_return nullptr;
}

task<JsonValue> get_qualified_user_id(Call call) { co_return JsonValue(call.api.get_qualified_user_id(call.text(0))); }

task<JsonValue> get_profile_for_user(Call call) {
    const callbacks::ProfileInfo profile = co_await call.api.get_profile_for_user(call.text(0));
    JsonDict found;
    found["display_name"] = written(profile.display_name);
    found["avatar_url"] = written(profile.avatar_url);
    co_return found;
}

task<JsonValue> get_threepids_for_user(Call call) {
    const std::vector<callbacks::ThirdPartyID> ids = co_await call.api.get_threepids_for_user(call.text(0));
    JsonArray list;
    for (const callbacks::ThirdPartyID& id : ids) {
        JsonDict entry;
        entry["medium"] = id.medium;
        entry["address"] = id.address;
        entry["validated_at"] = id.validated_at;
        entry["added_at"] = id.added_at;
        list.emplace_back(std::move(entry));
    }
    co_return list;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
task<JsonValue> register_(Call call) {
    const std::pair<std::string, std::string> made =
        co_await call.api.register_(call.text(0), call.optional_text(1), call.texts(2));
    JsonArray found;
    found.emplace_back(made.first);
    found.emplace_back(made.second);
    co_return found;
}
#pragma GCC diagnostic pop

task<JsonValue> register_user(Call call) {
    const std::string user_id =
        co_await call.api.register_user(call.text(0), call.optional_text(1), call.texts(2), call.flag(3));
    co_return JsonValue(user_id);
}

task<JsonValue> register_device(Call call) {
    const callbacks::RegisteredDevice device =
        co_await call.api.register_device(call.text(0), call.optional_text(1), call.optional_text(2));
    JsonDict found;
    found["device_id"] = device.device_id;
    found["access_token"] = device.access_token;
    found["expires_at_ms"] = written(device.expires_at_ms);
    found["refresh_token"] = written(device.refresh_token);
    co_return found;
}

task<JsonValue> record_user_external_id(Call call) {
    co_await call.api.record_user_external_id(call.text(0), call.text(1), call.text(2));
    co_return nullptr;
}

task<JsonValue> create_login_token(Call call) {
    const std::int64_t duration = call.optional_number(1).value_or(120'000);
    const std::string token =
        co_await call.api.create_login_token(call.text(0), duration, call.optional_text(2), call.optional_text(3));
    co_return JsonValue(token);
}

task<JsonValue> invalidate_access_token(Call call) {
    co_await call.api.invalidate_access_token(call.text(0));
    co_return nullptr;
}

task<JsonValue> complete_sso_login_async(Call call) {
    modapi::Response response;
    if (call.has(3)) {
        response =
            co_await call.api.complete_sso_login_async(call.text(0), call.request, call.text(1), call.flag(2), call.text(3));
    } else {
        response = co_await call.api.complete_sso_login_async(call.text(0), call.request, call.text(1), call.flag(2));
    }
    JsonDict found;
    found["status"] = response.status;
    found["body"] = response.body;
    JsonDict headers;
    for (const auto& [name, value] : response.headers) headers[name] = value;
    found["headers"] = std::move(headers);
    co_return found;
}

task<JsonValue> check_username(Call call) {
    co_await call.api.check_username(call.text(0));
    co_return nullptr;
}

task<JsonValue> set_displayname(Call call) {
    const callbacks::UserID user(call.text(0));
    const std::string name = call.text(1);
    if (!call.has(2)) {
        co_await call.api.set_displayname(user, name);
        co_return nullptr;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    co_await call.api.set_displayname(user, name, call.flag(2));
#pragma GCC diagnostic pop
    co_return nullptr;
}

task<JsonValue> get_user_ip_and_agents(Call call) {
    const std::int64_t since = call.optional_number(1).value_or(0);
    const std::vector<callbacks::UserIpAndAgent> clients = co_await call.api.get_user_ip_and_agents(call.text(0), since);
    JsonArray list;
    for (const callbacks::UserIpAndAgent& client : clients) {
        JsonDict entry;
        entry["ip"] = client.ip;
        entry["user_agent"] = client.user_agent;
        entry["last_seen"] = client.last_seen;
        list.emplace_back(std::move(entry));
    }
    co_return list;
}

task<JsonValue> get_monthly_active_users_by_service(Call call) {
    const std::vector<std::pair<std::string, std::string>> users =
        co_await call.api.get_monthly_active_users_by_service(call.optional_number(0), call.optional_number(1));
    JsonArray list;
    for (const auto& [service, user_id] : users) {
        JsonArray entry;
        entry.emplace_back(service);
        entry.emplace_back(user_id);
        list.emplace_back(std::move(entry));
    }
    co_return list;
}

task<JsonValue> store_remote_3pid_association(Call call) {
    co_await call.api.store_remote_3pid_association(call.text(0), call.text(1), call.text(2), call.text(3));
    co_return nullptr;
}

task<JsonValue> deactivate_user(Call call) {
    co_await call.api.deactivate_user(call.text(0), call.flag(1));
    co_return nullptr;
}

task<JsonValue> get_global(Call call) {
    const std::shared_ptr<const JsonDict> data =
        co_await call.api.account_data_manager().get_global(call.text(0), call.text(1));
    if (data == nullptr) co_return nullptr;
    co_return *data;
}

task<JsonValue> put_global(Call call) {
    co_await call.api.account_data_manager().put_global(call.text(0), call.text(1), call.object(2));
    co_return nullptr;
}

task<JsonValue> properties(Call call) {
    JsonDict found;
    found["server_name"] = call.api.server_name();
    found["public_baseurl"] = call.api.public_baseurl();
    found["email_app_name"] = call.api.email_app_name();
    found["custom_template_dir"] = written(call.api.custom_template_dir());
    found["worker_name"] = written(call.api.worker_name());
    found["worker_app"] = written(call.api.worker_app());
    found["msc3861_oauth_delegation_enabled"] = ModuleApi::msc3861_oauth_delegation_enabled();
    co_return found;
}

/// The plainest way to call everything that has defaults: GCC 12 must do it right.
task<JsonValue> call_with_defaults(Call call) {
    ModuleApi& api = call.api;
    const std::string user_id = co_await api.register_user("plain");
    const callbacks::RegisteredDevice device = co_await api.register_device(user_id);
    const std::string token = co_await api.create_login_token(user_id);
    co_await api.set_displayname(callbacks::UserID(user_id), "Plain");
    JsonDict config;
    config["name"] = "a room with a name that is too long to be kept in a short string";
    const std::pair<std::string, std::optional<std::string>> room = co_await api.create_room(user_id, config);
    const std::vector<std::string> members = co_await api.get_members(room.first);
    const std::vector<std::string> rooms = co_await api.get_rooms_for_user(user_id);
    const callbacks::StateMap state = co_await api.get_room_state(room.first);
    const Event left = co_await api.update_room_membership(user_id, user_id, room.first, "leave");
    const modapi::Response page =
        co_await api.complete_sso_login_async(user_id, call.request, "https://client.example/where-the-client-waits");
    const std::vector<callbacks::UserIpAndAgent> clients = co_await api.get_user_ip_and_agents(user_id);
    const std::vector<std::pair<std::string, std::string>> active = co_await api.get_monthly_active_users_by_service();
    co_await api.deactivate_user(user_id);
    JsonDict found;
    found["device"] = !device.device_id.empty();
    found["token"] = token.size();
    found["members"] = written(members);
    found["rooms"] = rooms.size();
    found["name"] = *state.find("m.room.name")->content_string("name");
    found["left"] = *left.membership();
    found["page"] = page.status;
    found["clients"] = clients.size();
    found["active"] = active.empty();
    co_return found;
}

task<JsonValue> get_current_time_msec(Call call) { co_return call.api.get_current_time_msec(); }

async::task<std::int64_t> doubled(std::int64_t number) {
    if (number < 0) throw std::runtime_error("no negative numbers");
    co_return 2 * number;
}
task<JsonValue> run_as_background_process(Call call) {
    const std::int64_t number = call.optional_number(0).value();
    const std::optional<std::int64_t> result = co_await call.api.run_as_background_process("double a number", &doubled, number);
    if (result) co_return *result;
    co_return nullptr;
}

std::int64_t tripled(std::int64_t number) { return 3 * number; }
task<JsonValue> defer_to_threadpool(Call call) {
    static const modapi::ThreadPool pool("numbers", 1);
    const std::int64_t number = call.optional_number(0).value();
    const std::int64_t result = co_await call.api.defer_to_threadpool(pool, &tripled, number);
    co_return result;
}

constexpr Method user_method_table[] = {
    {"get_current_time_msec", &get_current_time_msec},
    {"run_as_background_process", &run_as_background_process},
    {"defer_to_threadpool", &defer_to_threadpool},
    {"check_user_exists", &check_user_exists},
    {"get_userinfo_by_id", &get_userinfo_by_id},
    {"list_local_users", &list_local_users},
    {"get_user_by_req", &get_user_by_req},
    {"is_user_admin", &is_user_admin},
    {"set_user_admin", &set_user_admin},
    {"get_qualified_user_id", &get_qualified_user_id},
    {"get_profile_for_user", &get_profile_for_user},
    {"get_threepids_for_user", &get_threepids_for_user},
    {"register", &register_},
    {"register_user", &register_user},
    {"register_device", &register_device},
    {"record_user_external_id", &record_user_external_id},
    {"create_login_token", &create_login_token},
    {"invalidate_access_token", &invalidate_access_token},
    {"complete_sso_login_async", &complete_sso_login_async},
    {"check_username", &check_username},
    {"set_displayname", &set_displayname},
    {"get_user_ip_and_agents", &get_user_ip_and_agents},
    {"get_monthly_active_users_by_service", &get_monthly_active_users_by_service},
    {"store_remote_3pid_association", &store_remote_3pid_association},
    {"deactivate_user", &deactivate_user},
    {"account_data_manager.get_global", &get_global},
    {"account_data_manager.put_global", &put_global},
    {"call_with_defaults", &call_with_defaults},
    {"properties", &properties},
};

}  // namespace

std::span<const Method> user_methods() { return user_method_table; }

}  // namespace api_caller
