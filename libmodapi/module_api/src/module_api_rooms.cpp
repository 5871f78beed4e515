#include "nested_call.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <utility>

namespace modapi {

namespace {

using async::task;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::StateFilter;
using callbacks::StateMap;
using callbacks::UserID;

/// What a room says of its alias, if that is one: anybody with the power may write anything there.
std::optional<callbacks::RoomAlias> canonical_alias(const StateMap& state) {
    const Event* const event = state.find("m.room.canonical_alias");
    if (event == nullptr) return std::nullopt;
    const std::optional<std::string_view> alias = event->content_string("alias");
    if (!alias) return std::nullopt;
    try {
        return callbacks::RoomAlias(std::string(*alias));
    } catch (const callbacks::SynapseError&) {
        return std::nullopt;
    }
}

}  // namespace

task<Event> ModuleApi::create_and_send_event_into_room(JsonDict event_dict) {
    return nested_call("create_and_send_event_into_room",
                       environment_.server.rooms().create_and_send_event(std::move(event_dict)));
}

task<StateMap> ModuleApi::get_room_state(std::string room_id) {
    return environment_.server.rooms().get_room_state(std::move(room_id), std::nullopt);
}

task<StateMap> ModuleApi::get_room_state(std::string room_id, StateFilter event_filter) {
    if (event_filter.empty()) return get_room_state(std::move(room_id));
    return environment_.server.rooms().get_room_state(std::move(room_id), std::move(event_filter));
}

task<std::vector<Event>> ModuleApi::get_state_events_in_room(std::string room_id, StateFilter types) {
    const StateMap state = co_await environment_.server.rooms().get_room_state(std::move(room_id), std::move(types));
    std::vector<Event> events;
    events.reserve(state.size());
    for (const auto& [key, event] : state) events.push_back(event);
    co_return events;
}

task<std::optional<Event>> ModuleApi::get_event(std::string event_id) {
    return environment_.server.rooms().get_event(std::move(event_id));
}

task<std::vector<std::string>> ModuleApi::get_members(std::string room_id, std::string membership) {
    return environment_.server.rooms().get_members(std::move(room_id), std::move(membership));
}

task<std::vector<std::string>> ModuleApi::get_rooms_for_user(std::string user_id, std::string membership) {
    return environment_.server.rooms().get_rooms_for_user(std::move(user_id), std::move(membership));
}

task<Event> ModuleApi::update_room_membership(std::string sender, std::string target, std::string room_id,
                                              std::string new_membership, JsonDict content,
                                              std::vector<std::string> remote_room_hosts) {
    return nested_call("update_room_membership",
                       environment_.server.rooms().update_room_membership(UserID(std::move(sender)), UserID(std::move(target)),
                                                                          std::move(room_id), std::move(new_membership),
                                                                          std::move(content), std::move(remote_room_hosts)));
}

task<std::pair<std::string, std::optional<std::string>>> ModuleApi::create_room(std::string user_id, JsonDict config,
                                                                                bool ratelimit,
                                                                                std::optional<JsonDict> creator_join_profile) {
    return nested_call("create_room", environment_.server.rooms().create_room(UserID(std::move(user_id)), std::move(config),
                                                                              ratelimit, std::move(creator_join_profile)));
}

task<void> ModuleApi::delete_room(std::string room_id) {
    return environment_.server.rooms().delete_room(callbacks::RoomID(std::move(room_id)));
}

task<std::optional<callbacks::RoomAlias>> ModuleApi::get_canonical_room_alias(callbacks::RoomID room_id) {
    StateFilter filter;
    filter.emplace_back("m.room.canonical_alias", std::string());
    const StateMap state = co_await get_room_state(room_id.to_string(), std::move(filter));
    co_return canonical_alias(state);
}

task<std::pair<std::string, std::vector<std::string>>> ModuleApi::lookup_room_alias(std::string room_alias) {
    return environment_.server.rooms().lookup_room_alias(callbacks::RoomAlias(std::move(room_alias)));
}

task<void> ModuleApi::send_local_online_presence_to(std::vector<std::string> users) {
    std::vector<UserID> parsed;
    for (std::string& user_id : users) parsed.emplace_back(std::move(user_id));
    return environment_.server.presence().send_local_online_presence_to(std::move(parsed));
}

task<void> ModuleApi::set_presence_for_users(PresenceUpdates users) {
    for (const auto& [user_id, update] : users) static_cast<void>(UserID(user_id));  // throws the 400 for what is none
    return environment_.server.presence().set_presence_for_users(std::move(users));
}

task<bool> PublicRoomListManager::room_is_in_public_room_list(std::string room_id) {
    return server_.rooms().room_is_in_public_room_list(std::move(room_id));
}

task<void> PublicRoomListManager::add_room_to_public_room_list(std::string room_id) {
    return server_.rooms().set_room_is_in_public_room_list(std::move(room_id), true);
}

task<void> PublicRoomListManager::remove_room_from_public_room_list(std::string room_id) {
    return server_.rooms().set_room_is_in_public_room_list(std::move(room_id), false);
}

}  // namespace modapi
