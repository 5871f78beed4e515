#include "api_caller.h"

#include <utility>

namespace api_caller {

namespace {

task<JsonValue> create_and_send_event_into_room(Call call) {
    const Event event = co_await call.api.create_and_send_event_into_room(call.object(0));
    co_return written(event);
}

task<JsonValue> send_event_if(Call call) {
    const std::optional<Event> event =
        co_await call.api.send_event_if(call.object(0), call.text(1), call.text(2), call.optional_text(3));
    if (!event) co_return nullptr;
    co_return written(*event);
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

task<JsonValue> get_state_event(Call call) {
    const std::string state_key = call.optional_text(2).value_or("");
    const std::optional<Event> event = co_await call.api.get_state_event(call.text(0), call.text(1), state_key);
    if (!event) co_return nullptr;
    co_return written(*event);
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

constexpr Method room_method_table[] = {
    {"create_and_send_event_into_room", &create_and_send_event_into_room},
    {"send_event_if", &send_event_if},
    {"get_room_state", &get_room_state},
    {"get_state_event", &get_state_event},
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
};

}  // namespace

std::span<const Method> room_methods() { return room_method_table; }

}  // namespace api_caller
