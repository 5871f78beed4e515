#include "module_services/module_rooms.h"

#include "accounts/accounts.h"
#include "events/room_store.h"
#include "http/requests.h"
#include "profiles/profile.h"
#include "rooms/aliases.h"
#include "rooms/create_room.h"
#include "rooms/directory.h"
#include "rooms/membership.h"
#include "rooms/room_deletions.h"
#include "rooms/rooms.h"
#include "rooms/shutdown.h"

#include <callbacks/errors.h>

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
task<void> require_own_user(ServerWorker& worker, std::string user_id) {
    const bool exists = co_await user_exists(worker, user_id);
    if (!exists) throw std::runtime_error(user_id + " is not a user of this homeserver");
}

/// What the member event says of its target where the module says nothing: the profile, or of a user without one the localpart.
task<JsonDict> with_profile(ServerWorker& worker, UserID target, JsonDict content) {
    callbacks::ProfileInfo profile;
    const bool is_known = co_await user_exists(worker, target.to_string());
    if (is_known) {
        profile = co_await profile_of(worker, target.to_string());
    } else {
        profile.display_name = std::string(target.localpart());
    }
    if (profile.display_name && !content.contains("displayname")) content["displayname"] = *profile.display_name;
    if (profile.avatar_url && !content.contains("avatar_url")) content["avatar_url"] = *profile.avatar_url;
    co_return content;
}

/// The job behind delete_room.
task<void> delete_in_background(ServerWorker& worker, std::string room_id) {
    struct Ending {
        ServerWorker& worker;
        const std::string& room_id;
        ~Ending() { worker.room_deletions().end(room_id); }
    } ending{worker, room_id};
    const std::optional<std::string> nobody;
    static_cast<void>(co_await shut_room_down(worker, nobody, room_id));
}

StateMap find_state(Transaction& transaction, const std::string& room_id, const std::optional<StateFilter>& filter) {
    return filter ? filtered_state(transaction, room_id, *filter) : current_state(transaction, room_id);
}

}  // namespace

task<Event> ModuleRooms::create_and_send_event(JsonDict event) { return send_module_event(worker_, std::move(event)); }

task<Event> ModuleRooms::update_room_membership(UserID sender, UserID target, std::string room_id, std::string new_membership,
                                                JsonDict content, std::vector<std::string> /*remote_room_hosts*/) {
    co_await require_own_user(worker_, sender.to_string());
    MembershipChange change;
    change.room_id = std::move(room_id);
    change.sender = sender.to_string();
    change.target = target.to_string();
    change.membership = std::move(new_membership);
    change.content = co_await with_profile(worker_, std::move(target), std::move(content));
    change.sender_is_admin = co_await is_server_admin(worker_, change.sender);
    Event event = co_await to_the_end(change_membership(worker_, std::move(change)));
    co_return event;
}

task<std::pair<std::string, std::optional<std::string>>> ModuleRooms::create_room(
    UserID user, JsonDict config, bool /*ratelimit*/, std::optional<JsonDict> creator_join_profile) {
    co_await require_own_user(worker_, user.to_string());
    callbacks::Requester requester(std::move(user));
    JsonDict profile = creator_join_profile.value_or(JsonDict());
    CreatedRoom created =
        co_await to_the_end(homeserver::create_room(worker_, std::move(requester), std::move(config), std::move(profile)));
    co_return std::pair(std::move(created.room_id), std::move(created.alias));
}

task<void> ModuleRooms::delete_room(callbacks::RoomID room) {
    const std::string room_id = room.to_string();
    if (worker_.room_deletions().begin(room_id))
        worker_.background().spawn("delete_room", delete_in_background(worker_, room_id));
    co_return;
}

task<StateMap> ModuleRooms::get_room_state(std::string room_id, std::optional<StateFilter> filter) {
    return worker_.database().read("get_room_state", &find_state, std::move(room_id), std::move(filter));
}

task<std::optional<Event>> ModuleRooms::get_event(std::string event_id) {
    std::optional<StoredEvent> found = co_await worker_.database().read("get_event", &find_event_anywhere, std::move(event_id));
    if (!found) co_return std::nullopt;
    co_return std::move(found->event);
}

task<std::vector<std::string>> ModuleRooms::get_members(std::string room_id, std::string membership) {
    return worker_.database().read("get_members", &users_with_membership, std::move(room_id), std::move(membership));
}

task<std::vector<std::string>> ModuleRooms::get_rooms_for_user(std::string user_id, std::string membership) {
    return worker_.database().read("get_rooms_for_user", &rooms_with_membership, std::move(user_id), std::move(membership));
}

task<std::pair<std::string, std::vector<std::string>>> ModuleRooms::lookup_room_alias(callbacks::RoomAlias alias) {
    std::string room_id = co_await resolved_room(worker_, alias.to_string());
    std::vector<std::string> servers(1, worker_.server_name());
    co_return std::pair(std::move(room_id), std::move(servers));
}

task<bool> ModuleRooms::room_is_in_public_room_list(std::string room_id) {
    return worker_.database().read("room_is_public", &room_is_public, std::move(room_id));
}

task<void> ModuleRooms::set_room_is_in_public_room_list(std::string room_id, bool is_in_list) {
    const bool exists = co_await worker_.database().run("set_room_public", &set_room_public, std::move(room_id), is_in_list);
    if (!exists) throw callbacks::SynapseError(404, "No row found");
}

}  // namespace homeserver
