#include "checked_arguments.h"
#include "nested_call.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>
#include <callbacks/storable_json.h>
#include <callbacks/text.h>

#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using async::task;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::StateFilter;
using callbacks::StateMap;
using callbacks::UserID;

constexpr std::string_view canonical_alias_type = "m.room.canonical_alias";

/// What a room says of its alias, if that is one: anybody with the power may write anything there.
std::optional<callbacks::RoomAlias> canonical_alias(const std::optional<Event>& event) {
    if (!event) return std::nullopt;
    const std::optional<std::string_view> alias = event->content_string("alias");
    if (!alias) return std::nullopt;
    try {
        return callbacks::RoomAlias(std::string(*alias));
    } catch (const callbacks::SynapseError&) {
        return std::nullopt;
    }
}

/// Of what no host can have it isn't asked.
task<StateMap> filtered_state(Homeserver& server, std::string room_id, StateFilter filter) {
    const bool wants_nothing = filter.empty();
    std::erase_if(filter, [](const callbacks::StateFilterEntry& entry) {
        return !callbacks::is_storable_text(entry.type) || (entry.state_key && !callbacks::is_storable_text(*entry.state_key));
    });
    if (!callbacks::is_storable_text(room_id) || (filter.empty() && !wants_nothing)) co_return StateMap();
    task<StateMap> asking = server.rooms().get_room_state(std::move(room_id), std::move(filter));
    co_return co_await std::move(asking);
}

/// As create_and_send_event_into_room, below the count of calls within calls; so the others.
task<Event> send_event(Homeserver& server, JsonDict event) {
    require_sendable(event, server.server_name());
    task<Event> sending = server.rooms().create_and_send_event(std::move(event));
    co_return co_await std::move(sending);
}

task<std::vector<Event>> send_group(Homeserver& server, EventGroup group) {
    std::vector<JsonDict> events = group.events();
    for (JsonDict& event : events) {
        const callbacks::JsonValue room_id(group.room_id());
        if (!event.contains("room_id")) event["room_id"] = room_id;
        if (event.at("room_id") != room_id) throw std::invalid_argument("an event of a group is of another room");
        require_sendable(event, server.server_name());
    }
    if (events.empty()) co_return std::vector<Event>();
    task<std::vector<Event>> sending = server.rooms().send_events(std::move(events));
    co_return co_await std::move(sending);
}

task<std::optional<Event>> send_event_if_expected(Homeserver& server, JsonDict event, std::string type, std::string state_key,
                                                  std::optional<std::string> expected) {
    require_sendable(event, server.server_name());
    require_text(type, "type");
    require_text(state_key, "state_key");
    if (expected) require_text(*expected, "event_id");
    task<std::optional<Event>> sending =
        server.rooms().send_event_if(std::move(event), std::move(type), std::move(state_key), std::move(expected));
    co_return co_await std::move(sending);
}

task<Event> change_membership(Homeserver& server, std::string sender, std::string target, std::string room_id,
                              std::string new_membership, JsonDict content, std::vector<std::string> remote_room_hosts) {
    UserID changing = local_user(std::move(sender), server.server_name());
    UserID changed = parsed_user(std::move(target));
    require_text(room_id, "room_id");
    require_membership_change(new_membership);
    callbacks::require_storable(content);
    for (const std::string& host : remote_room_hosts) require_text(host, "a room's host");
    task<Event> change =
        server.rooms().update_room_membership(std::move(changing), std::move(changed), std::move(room_id),
                                              std::move(new_membership), std::move(content), std::move(remote_room_hosts));
    co_return co_await std::move(change);
}

using MadeRoom = std::pair<std::string, std::optional<std::string>>;

task<MadeRoom> make_room(Homeserver& server, std::string user_id, JsonDict config, bool ratelimit,
                         std::optional<JsonDict> creator_join_profile) {
    UserID creator = local_user(std::move(user_id), server.server_name());
    callbacks::require_storable(config);
    if (creator_join_profile) callbacks::require_storable(*creator_join_profile);
    task<MadeRoom> making =
        server.rooms().create_room(std::move(creator), std::move(config), ratelimit, std::move(creator_join_profile));
    co_return co_await std::move(making);
}

/// How many events a room begins with, about.
std::uint32_t events_of_room(const JsonDict& config) {
    std::size_t events = 6;  // create, the creator's join, power levels, three of the preset
    for (const char* const list : {"initial_state", "invite", "invite_3pid"}) {
        const callbacks::JsonValue* const entries = config.if_contains(list);
        if (entries != nullptr && entries->is_array()) events += entries->get_array().size();
    }
    return static_cast<std::uint32_t>(events);
}

task<void> list_room(Homeserver& server, std::string room_id, bool is_in_list) {
    const std::string_view member = is_in_list ? "public_room_list_manager.add_room_to_public_room_list"
                                               : "public_room_list_manager.remove_room_from_public_room_list";
    refuse_in_shadow(co_await async::this_context, member);
    if (!callbacks::is_storable_text(room_id)) throw callbacks::SynapseError(404, "No row found");
    task<void> listing = server.rooms().set_room_is_in_public_room_list(std::move(room_id), is_in_list);
    co_await std::move(listing);
}

}  // namespace

task<Event> ModuleApi::create_and_send_event_into_room(JsonDict event_dict) {
    return nested_call(ModuleCall("create_and_send_event_into_room", environment_.place, 1),
                       send_event(environment_.server, std::move(event_dict)));
}

task<std::vector<Event>> ModuleApi::send_events(EventGroup group) {
    const auto events = static_cast<std::uint32_t>(group.events().size());
    return nested_call(ModuleCall("send_events", environment_.place, events), send_group(environment_.server, std::move(group)));
}

task<std::optional<Event>> ModuleApi::send_event_if(JsonDict event_dict, std::string type, std::string state_key,
                                                    std::optional<std::string> expected) {
    return nested_call(ModuleCall("send_event_if", environment_.place, 1),
                       send_event_if_expected(environment_.server, std::move(event_dict), std::move(type), std::move(state_key),
                                              std::move(expected)));
}

task<StateMap> ModuleApi::get_room_state(std::string room_id) {
    if (!callbacks::is_storable_text(room_id)) co_return StateMap();
    task<StateMap> asking = environment_.server.rooms().get_room_state(std::move(room_id), std::nullopt);
    co_return co_await std::move(asking);
}

task<StateMap> ModuleApi::get_room_state(std::string room_id, StateFilter event_filter) {
    if (event_filter.empty()) return get_room_state(std::move(room_id));
    return filtered_state(environment_.server, std::move(room_id), std::move(event_filter));
}

task<std::optional<Event>> ModuleApi::get_state_event(std::string room_id, std::string type, std::string state_key) {
    StateFilter filter;
    filter.emplace_back(type, state_key);
    task<StateMap> asking = filtered_state(environment_.server, std::move(room_id), std::move(filter));
    const StateMap state = co_await std::move(asking);
    const Event* const event = state.find(type, state_key);
    if (event == nullptr) co_return std::nullopt;
    co_return *event;
}

task<std::vector<Event>> ModuleApi::get_state_events_in_room(std::string room_id, StateFilter types) {
    task<StateMap> asking = filtered_state(environment_.server, std::move(room_id), std::move(types));
    const StateMap state = co_await std::move(asking);
    std::vector<Event> events;
    events.reserve(state.size());
    for (const auto& [key, event] : state) events.push_back(event);
    co_return events;
}

task<std::optional<Event>> ModuleApi::get_event(std::string event_id) {
    if (!callbacks::is_storable_text(event_id)) co_return std::nullopt;
    task<std::optional<Event>> asking = environment_.server.rooms().get_event(std::move(event_id));
    co_return co_await std::move(asking);
}

task<std::vector<std::string>> ModuleApi::get_members(std::string room_id, std::string membership) {
    if (!callbacks::is_storable_text(room_id) || !callbacks::is_storable_text(membership)) co_return std::vector<std::string>();
    task<std::vector<std::string>> asking = environment_.server.rooms().get_members(std::move(room_id), std::move(membership));
    co_return co_await std::move(asking);
}

task<std::vector<std::string>> ModuleApi::get_rooms_for_user(std::string user_id, std::string membership) {
    if (!callbacks::is_storable_text(user_id) || !callbacks::is_storable_text(membership)) co_return std::vector<std::string>();
    task<std::vector<std::string>> asking =
        environment_.server.rooms().get_rooms_for_user(std::move(user_id), std::move(membership));
    co_return co_await std::move(asking);
}

task<Event> ModuleApi::update_room_membership(std::string sender, std::string target, std::string room_id,
                                              std::string new_membership, JsonDict content,
                                              std::vector<std::string> remote_room_hosts) {
    return nested_call(ModuleCall("update_room_membership", environment_.place, 1),
                       change_membership(environment_.server, std::move(sender), std::move(target), std::move(room_id),
                                         std::move(new_membership), std::move(content), std::move(remote_room_hosts)));
}

task<std::pair<std::string, std::optional<std::string>>> ModuleApi::create_room(std::string user_id, JsonDict config,
                                                                                bool ratelimit,
                                                                                std::optional<JsonDict> creator_join_profile) {
    const std::uint32_t events = events_of_room(config);
    return nested_call(ModuleCall("create_room", environment_.place, events),
                       make_room(environment_.server, std::move(user_id), std::move(config), ratelimit,
                                 std::move(creator_join_profile)));
}

task<void> ModuleApi::delete_room(std::string room_id) {
    modapi::refuse_in_shadow(co_await async::this_context, "delete_room");
    task<void> deleting = nested_call(ModuleCall("delete_room", environment_.place),
                                      environment_.server.rooms().delete_room(parsed_room(std::move(room_id))));
    co_await std::move(deleting);
}

task<std::optional<callbacks::RoomAlias>> ModuleApi::get_canonical_room_alias(callbacks::RoomID room_id) {
    task<std::optional<Event>> asking = get_state_event(room_id.to_string(), std::string(canonical_alias_type), std::string());
    const std::optional<Event> event = co_await std::move(asking);
    co_return canonical_alias(event);
}

task<std::pair<std::string, std::vector<std::string>>> ModuleApi::lookup_room_alias(std::string room_alias) {
    task<std::pair<std::string, std::vector<std::string>>> looking =
        environment_.server.rooms().lookup_room_alias(parsed_alias(std::move(room_alias)));
    co_return co_await std::move(looking);
}

task<void> ModuleApi::send_local_online_presence_to(std::vector<std::string> users) {
    modapi::refuse_in_shadow(co_await async::this_context, "send_local_online_presence_to");
    std::vector<UserID> parsed;
    for (std::string& user_id : users) parsed.push_back(parsed_user(std::move(user_id)));
    task<void> sending = nested_call(ModuleCall("send_local_online_presence_to", environment_.place),
                                     environment_.server.presence().send_local_online_presence_to(std::move(parsed)));
    co_await std::move(sending);
}

task<void> ModuleApi::set_presence_for_users(PresenceUpdates users) {
    modapi::refuse_in_shadow(co_await async::this_context, "set_presence_for_users");
    for (const auto& [user_id, update] : users) {
        static_cast<void>(parsed_user(user_id));  // throws the 400 for what is none
        require_text(update.status_msg, "status_msg");
    }
    task<void> setting = nested_call(ModuleCall("set_presence_for_users", environment_.place),
                                     environment_.server.presence().set_presence_for_users(std::move(users)));
    co_await std::move(setting);
}

task<bool> PublicRoomListManager::room_is_in_public_room_list(std::string room_id) {
    if (!callbacks::is_storable_text(room_id)) co_return false;
    task<bool> asking = server_.rooms().room_is_in_public_room_list(std::move(room_id));
    co_return co_await std::move(asking);
}

task<void> PublicRoomListManager::add_room_to_public_room_list(std::string room_id) {
    return list_room(server_, std::move(room_id), true);
}

task<void> PublicRoomListManager::remove_room_from_public_room_list(std::string room_id) {
    return list_room(server_, std::move(room_id), false);
}

}  // namespace modapi
