#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A test's module: calls any method of its ModuleApi, as POST /_synapse/client/api asks with `{"call": NAME, "args": [...]}`.
/// The answer is `{"result": ...}`, or `{"error": {"type", "what", "status", "errcode"}}` of what the method threw.
namespace api_caller {

using async::task;
using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::ModuleApi;

/// One call: what to call it on, and its arguments, which a null or a missing one leaves at their defaults.
struct Call {
    ModuleApi& api;
    const modapi::Request& request;
    JsonArray args;

    [[nodiscard]] bool has(std::size_t index) const { return index < args.size() && !args[index].is_null(); }
    [[nodiscard]] std::string text(std::size_t index) const { return std::string(args.at(index).as_string()); }
    [[nodiscard]] std::optional<std::string> optional_text(std::size_t index) const {
        return has(index) ? std::optional(text(index)) : std::nullopt;
    }
    [[nodiscard]] bool flag(std::size_t index, bool otherwise = false) const {
        return has(index) ? args[index].as_bool() : otherwise;
    }
    [[nodiscard]] std::optional<std::int64_t> optional_number(std::size_t index) const {
        return has(index) ? std::optional(args[index].as_int64()) : std::nullopt;
    }
    [[nodiscard]] JsonDict object(std::size_t index) const { return has(index) ? args[index].as_object() : JsonDict(); }
    [[nodiscard]] std::vector<std::string> texts(std::size_t index) const {
        std::vector<std::string> found;
        if (!has(index)) return found;
        for (const JsonValue& value : args[index].as_array()) found.emplace_back(value.as_string());
        return found;
    }
    /// From `[[type], [type, state_key], ...]`.
    [[nodiscard]] callbacks::StateFilter filter(std::size_t index) const {
        callbacks::StateFilter found;
        for (const JsonValue& value : args.at(index).as_array()) {
            const JsonArray& entry = value.as_array();
            std::optional<std::string> state_key;
            if (entry.size() > 1) state_key = std::string(entry[1].as_string());
            found.emplace_back(std::string(entry[0].as_string()), state_key);
        }
        return found;
    }
};

JsonValue written(const std::optional<std::string>& text) { return text ? JsonValue(*text) : JsonValue(); }
JsonValue written(const std::optional<std::int64_t>& number) { return number ? JsonValue(*number) : JsonValue(); }
JsonValue written(const std::vector<std::string>& texts) { return JsonArray(texts.begin(), texts.end()); }
JsonValue written(const Event& event) { return event.get_dict(); }
JsonValue written(const std::vector<Event>& events) {
    JsonArray list;
    for (const Event& event : events) list.emplace_back(written(event));
    return list;
}
/// The state by `type|state_key`.
JsonValue written(const callbacks::StateMap& state) {
    JsonDict found;
    for (const auto& [key, event] : state) found[key.first + "|" + key.second] = event.content();
    return found;
}

// Users.

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
    co_return found;
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
    co_await call.api.set_displayname(user, call.text(1), call.flag(2));
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

// Rooms and events.

task<JsonValue> create_and_send_event_into_room(Call call) {
    const Event event = co_await call.api.create_and_send_event_into_room(call.object(0));
    co_return written(event);
}

task<JsonValue> get_room_state(Call call) {
    callbacks::StateMap state;
    if (call.has(1)) {
        state = co_await call.api.get_room_state(call.text(0), call.filter(1));
    } else {
        state = co_await call.api.get_room_state(call.text(0));
    }
    co_return written(state);
}

task<JsonValue> get_state_events_in_room(Call call) {
    const std::vector<Event> events = co_await call.api.get_state_events_in_room(call.text(0), call.filter(1));
    co_return written(events);
}

task<JsonValue> get_event(Call call) {
    const std::optional<Event> event = co_await call.api.get_event(call.text(0));
    if (!event) co_return nullptr;
    co_return written(*event);
}

task<JsonValue> get_members(Call call) {
    const std::string membership = call.optional_text(1).value_or("join");
    const std::vector<std::string> members = co_await call.api.get_members(call.text(0), membership);
    co_return written(members);
}

task<JsonValue> get_rooms_for_user(Call call) {
    const std::string membership = call.optional_text(1).value_or("join");
    const std::vector<std::string> rooms = co_await call.api.get_rooms_for_user(call.text(0), membership);
    co_return written(rooms);
}

task<JsonValue> update_room_membership(Call call) {
    const Event event =
        co_await call.api.update_room_membership(call.text(0), call.text(1), call.text(2), call.text(3), call.object(4));
    co_return written(event);
}

task<JsonValue> create_room(Call call) {
    std::optional<JsonDict> profile;
    if (call.has(3)) profile = call.object(3);
    const std::pair<std::string, std::optional<std::string>> made =
        co_await call.api.create_room(call.text(0), call.object(1), call.flag(2, true), profile);
    JsonArray found;
    found.emplace_back(made.first);
    found.emplace_back(written(made.second));
    co_return found;
}

task<JsonValue> delete_room(Call call) {
    co_await call.api.delete_room(call.text(0));
    co_return nullptr;
}

task<JsonValue> get_canonical_room_alias(Call call) {
    const callbacks::RoomID room(call.text(0));
    const std::optional<callbacks::RoomAlias> alias = co_await call.api.get_canonical_room_alias(room);
    if (!alias) co_return nullptr;
    co_return JsonValue(alias->to_string());
}

task<JsonValue> lookup_room_alias(Call call) {
    const std::pair<std::string, std::vector<std::string>> found = co_await call.api.lookup_room_alias(call.text(0));
    JsonArray answer;
    answer.emplace_back(found.first);
    answer.emplace_back(written(found.second));
    co_return answer;
}

task<JsonValue> is_mine(Call call) { co_return call.api.is_mine(call.text(0)); }
task<JsonValue> is_my_user(Call call) { co_return call.api.is_mine(callbacks::UserID(call.text(0))); }

task<JsonValue> room_is_in_public_room_list(Call call) {
    co_return co_await call.api.public_room_list_manager().room_is_in_public_room_list(call.text(0));
}

task<JsonValue> add_room_to_public_room_list(Call call) {
    co_await call.api.public_room_list_manager().add_room_to_public_room_list(call.text(0));
    co_return nullptr;
}

task<JsonValue> remove_room_from_public_room_list(Call call) {
    co_await call.api.public_room_list_manager().remove_room_from_public_room_list(call.text(0));
    co_return nullptr;
}

// Presence.

task<JsonValue> send_local_online_presence_to(Call call) {
    co_await call.api.send_local_online_presence_to(call.texts(0));
    co_return nullptr;
}

/// From `{user_id: [state, status_msg]}`.
task<JsonValue> set_presence_for_users(Call call) {
    modapi::PresenceUpdates updates;
    for (const auto& [user_id, value] : call.object(0)) {
        const JsonArray& update = value.as_array();
        std::optional<std::string> status;
        if (update.size() > 1) status = std::string(update[1].as_string());
        updates.emplace(std::string(user_id), modapi::PresenceUpdate(std::string(update[0].as_string()), status));
    }
    co_await call.api.set_presence_for_users(std::move(updates));
    co_return nullptr;
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

// Properties.

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

struct Method {
    std::string_view name;
    task<JsonValue> (*call)(Call);
};
constexpr Method methods[] = {
    {"check_user_exists", &check_user_exists},
    {"get_userinfo_by_id", &get_userinfo_by_id},
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
    {"create_and_send_event_into_room", &create_and_send_event_into_room},
    {"get_room_state", &get_room_state},
    {"get_state_events_in_room", &get_state_events_in_room},
    {"get_event", &get_event},
    {"get_members", &get_members},
    {"get_rooms_for_user", &get_rooms_for_user},
    {"update_room_membership", &update_room_membership},
    {"create_room", &create_room},
    {"delete_room", &delete_room},
    {"get_canonical_room_alias", &get_canonical_room_alias},
    {"lookup_room_alias", &lookup_room_alias},
    {"is_mine", &is_mine},
    {"is_mine(UserID)", &is_my_user},
    {"public_room_list_manager.room_is_in_public_room_list", &room_is_in_public_room_list},
    {"public_room_list_manager.add_room_to_public_room_list", &add_room_to_public_room_list},
    {"public_room_list_manager.remove_room_from_public_room_list", &remove_room_from_public_room_list},
    {"send_local_online_presence_to", &send_local_online_presence_to},
    {"set_presence_for_users", &set_presence_for_users},
    {"call_with_defaults", &call_with_defaults},
    {"properties", &properties},
};

/// What a method threw, with the name that authors know the exception by.
JsonDict described(const std::exception_ptr& failure) {
    JsonDict error;
    error["what"] = callbacks::message_of(failure);
    try {
        std::rethrow_exception(failure);
    } catch (const callbacks::SynapseError& refusal) {
        error["type"] = "SynapseError";
        error["status"] = refusal.status();
        error["errcode"] = refusal.errcode();
    } catch (const callbacks::ExternalIDReuseException&) {
        error["type"] = "ExternalIDReuseException";
    } catch (const std::invalid_argument&) {
        error["type"] = "invalid_argument";
    } catch (const std::runtime_error&) {
        error["type"] = "runtime_error";
    } catch (...) {
        error["type"] = "other";
    }
    return error;
}

class CallResource final : public modapi::DirectServeJsonResource {
public:
    explicit CallResource(ModuleApi& api) : api_(api) {}

protected:
    task<modapi::JsonResponse> async_render_POST(const modapi::Request& request) override {
        const JsonDict body = request.json_object();
        const std::string name(body.at("call").as_string());
        const auto method =
            std::find_if(std::begin(methods), std::end(methods), [&](const Method& known) { return known.name == name; });
        if (method == std::end(methods)) throw callbacks::SynapseError(404, "no method " + name);
        Call call{api_, request, body.at("args").as_array()};
        JsonDict answer;
        try {
            JsonValue result = co_await method->call(std::move(call));
            answer["result"] = std::move(result);
        } catch (...) {
            answer["error"] = described(std::current_exception());
        }
        co_return modapi::JsonResponse(200, answer);
    }

private:
    ModuleApi& api_;
};

class ApiCaller {
public:
    ApiCaller(callbacks::JsonDict, ModuleApi& api) {
        api.register_web_resource("/_synapse/client/api", std::make_shared<CallResource>(api));
    }
};

}  // namespace api_caller

using api_caller::ApiCaller;
MODAPI_MODULE(ApiCaller)
