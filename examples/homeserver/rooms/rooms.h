#pragma once

#include "http/router.h"
#include "process/server_worker.h"

#include <callbacks/event.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <memory>
#include <string>
#include <vector>

/// What the rest of the server needs from the rooms.
namespace homeserver {

/// All endpoints under /rooms, /createRoom, /join, /joined_rooms and /sync.
void add_room_endpoints(Router& router);

/// Sends an event that a module made, as a local user: ModuleApi::create_and_send_event_into_room.
[[nodiscard]] async::task<callbacks::Event> send_module_event(ServerWorker& worker, callbacks::JsonDict event);

/// Tells this worker's modules of a stored event.
[[nodiscard]] async::task<void> run_on_new_event(ServerWorker& worker, callbacks::Event event,
                                                 std::shared_ptr<const callbacks::StateMap> state);

/// Sends a membership event with the new profile into every room the user has joined. A module's denial is only logged;
/// user_may_join_room isn't asked of a change `by_admin`.
[[nodiscard]] async::task<void> update_profile_in_rooms(ServerWorker& worker, std::string user_id,
                                                        callbacks::ProfileInfo profile, bool by_admin);

/// Leaves every room the user is joined or invited to. What a module or a rule refuses is logged.
[[nodiscard]] async::task<void> leave_all_rooms(ServerWorker& worker, std::string user_id);

/// Everybody who is joined to a room that this user is joined to, without the user. For use inside a transaction.
[[nodiscard]] std::vector<std::string> users_sharing_rooms(modapi::Transaction& transaction, const std::string& user_id);
/// Whether both are joined to one of the same rooms. Cost: at most by the number of rooms that `user_id` is joined to. For use
/// inside a transaction.
[[nodiscard]] bool share_a_room(modapi::Transaction& transaction, const std::string& user_id, const std::string& other);

}  // namespace homeserver
