#include "module_services/module_rooms.h"

#include "accounts/accounts.h"
#include "accounts/stored_profile.h"
#include "accounts/shared_turns.h"
#include "events/room_store.h"
#include "http/requests.h"
#include "rooms/aliases.h"
#include "rooms/create_room.h"
#include "rooms/directory.h"
#include "rooms/event_sender.h"
#include "rooms/membership.h"
#include "rooms/room_operation.h"
#include "rooms/shutdown.h"
#include "text/server_name.h"

#include <modapi/database.h>
#include <modapi/hosting/cause.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace homeserver {

namespace {

using async::task;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::StateFilter;
using callbacks::StateMap;
using callbacks::UserID;
using modapi::Transaction;

/// Modules act for users of this server only.
task<void> require_own_user(modapi::Database& database, std::string user_id) {
    const bool exists = co_await user_exists(database, user_id);
    if (!exists) throw std::runtime_error(user_id + " is not a user of this homeserver");
}

/// What the member event says of a target that has no profile where the module says nothing: the localpart.
task<JsonDict> with_name(modapi::Database& database, UserID target, JsonDict content) {
    const bool is_known = co_await user_exists(database, target.to_string());
    if (!is_known && !content.contains("displayname")) content["displayname"] = std::string(target.localpart());
    co_return content;
}

/// The job behind delete_room; no second one for the room as long as it has its turn.
task<void> delete_in_background(RoomShutdown& room_shutdown, SharedTurns::Turn turn, std::string room_id) {
    const std::optional<std::string> nobody;
    static_cast<void>(co_await room_shutdown.shut_down(std::move(turn), nobody, std::move(room_id), nullptr));
}

std::string text_of(const JsonDict& event, std::string_view key) { return std::string(event.at(key).get_string()); }

/// As a local user.
Draft draft_of(const JsonDict& event) {
    Draft draft;
    draft.type = text_of(event, "type");
    draft.room_id = text_of(event, "room_id");
    draft.sender = text_of(event, "sender");
    draft.content = event.at("content").get_object();
    if (event.contains("state_key")) draft.state_key = text_of(event, "state_key");
    const callbacks::JsonValue* const redacts = event.if_contains("redacts");
    if (redacts != nullptr && redacts->is_string()) draft.redacts = std::string(redacts->get_string());
    return draft;
}

StateMap find_state(Transaction& transaction, const std::string& room_id, const std::optional<StateFilter>& filter) {
    return filter ? filtered_state(transaction, room_id, *filter) : current_state(transaction, room_id);
}

/// What an entry of `filter` wants from a state; all of it without one.
StateMap chosen(const StateMap& state, const std::optional<StateFilter>& filter) {
    if (!filter) return state;
    StateMap wanted;
    for (const auto& [key, event] : state) {
        const auto wants = [&](const callbacks::StateFilterEntry& entry) {
            return entry.type == key.first && (!entry.state_key || *entry.state_key == key.second);
        };
        if (std::any_of(filter->begin(), filter->end(), wants)) wanted.set(event);
    }
    return wanted;
}

std::vector<std::string> members_of(const StateMap& state, std::string_view membership) {
    std::vector<std::string> members;
    for (const auto& [key, event] : state) {
        if (event.membership() == membership) members.push_back(key.second);
    }
    return members;
}

}  // namespace

task<Event> ModuleRooms::create_and_send_event(JsonDict event) { return event_sender_.send(draft_of(event)); }

task<std::vector<Event>> ModuleRooms::send_events(std::vector<JsonDict> events) {
    std::vector<Draft> drafts;
    for (const JsonDict& event : events) drafts.push_back(draft_of(event));
    return event_sender_.send_all(std::move(drafts));
}

task<std::optional<Event>> ModuleRooms::send_event_if(JsonDict event, std::string type, std::string state_key,
                                                      std::optional<std::string> expected) {
    Draft draft = draft_of(event);
    ExpectedState wanted;
    wanted.type = std::move(type);
    wanted.state_key = std::move(state_key);
    wanted.event_id = std::move(expected);
    draft.expected = std::move(wanted);
    return event_sender_.send_if_expected(std::move(draft));
}

task<Event> ModuleRooms::update_room_membership(UserID sender, UserID target, std::string room_id, std::string new_membership,
                                                JsonDict content, std::vector<std::string> /*remote_room_hosts*/) {
    co_await require_own_user(database_, sender.to_string());
    MembershipChange change;
    change.room_id = std::move(room_id);
    change.sender = sender.to_string();
    change.target = target.to_string();
    change.membership = std::move(new_membership);
    change.shows_profile = true;
    change.content = co_await with_name(database_, std::move(target), std::move(content));
    change.sender_is_admin = co_await is_server_admin(database_, change.sender);
    Event event = co_await to_the_end(memberships_.change(std::move(change)));
    co_return event;
}

task<std::pair<std::string, std::optional<std::string>>> ModuleRooms::create_room(
    UserID user, JsonDict config, bool ratelimit, std::optional<JsonDict> creator_join_profile) {
    co_await require_own_user(database_, user.to_string());
    callbacks::Requester requester(std::move(user));
    JsonDict profile = creator_join_profile.value_or(JsonDict());
    CreatedRoom created =
        co_await to_the_end(room_creation_.create(std::move(requester), std::move(config), std::move(profile), ratelimit));
    co_return std::pair(std::move(created.room_id), std::move(created.alias));
}

task<void> ModuleRooms::delete_room(callbacks::RoomID room) {
    const std::string room_id = room.to_string();
    SharedTurns::Turn turn = co_await room_shutdown_.begin(room_id);
    if (!turn) co_return;
    const async::context& here = co_await async::this_context;
    modapi::Cause cause = modapi::Cause::of(here);
    task<void> deletion = delete_in_background(room_shutdown_, std::move(turn), room_id);
    background_.spawn("delete_room", modapi::run_caused(std::move(cause), std::move(deletion)));
}

task<StateMap> ModuleRooms::get_room_state(std::string room_id, std::optional<StateFilter> filter) {
    const async::context& here = co_await async::this_context;
    const RoomOperation* const around = RoomOperation::around(here, room_id);
    if (around != nullptr) co_return chosen(*around->state(), filter);
    co_return co_await database_.read("get_room_state", &find_state, std::move(room_id), std::move(filter));
}

task<std::optional<Event>> ModuleRooms::get_event(std::string event_id) {
    const async::context& here = co_await async::this_context;
    const Event* const pending = RoomOperation::find_pending(here, event_id);
    if (pending != nullptr) co_return *pending;
    std::optional<StoredEvent> found = co_await database_.read("get_event", &find_event_anywhere, std::move(event_id));
    if (!found) co_return std::nullopt;
    co_return std::move(found->event);
}

task<std::vector<std::string>> ModuleRooms::get_members(std::string room_id, std::string membership) {
    const async::context& here = co_await async::this_context;
    const RoomOperation* const around = RoomOperation::around(here, room_id);
    if (around != nullptr) co_return members_of(*around->state(), membership);
    co_return co_await database_.read("get_members", &users_with_membership, std::move(room_id), std::move(membership));
}

task<std::vector<std::string>> ModuleRooms::get_rooms_for_user(std::string user_id, std::string membership) {
    return database_.read("get_rooms_for_user", &rooms_with_membership, std::move(user_id), std::move(membership));
}

task<std::pair<std::string, std::vector<std::string>>> ModuleRooms::lookup_room_alias(callbacks::RoomAlias alias) {
    std::string room_id = co_await resolved_room(database_, alias.to_string());
    std::vector<std::string> servers(1, server_name_.text());
    co_return std::pair(std::move(room_id), std::move(servers));
}

task<bool> ModuleRooms::room_is_in_public_room_list(std::string room_id) {
    return database_.read("room_is_public", &room_is_public, std::move(room_id));
}

task<void> ModuleRooms::set_room_is_in_public_room_list(std::string room_id, bool is_in_list) {
    const bool exists = co_await database_.run("set_room_public", &set_room_public, std::move(room_id), is_in_list);
    if (!exists) throw callbacks::SynapseError(404, "No row found");
}

}  // namespace homeserver
