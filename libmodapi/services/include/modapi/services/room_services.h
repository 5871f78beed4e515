#pragma once

#include <callbacks/event.h>
#include <callbacks/identifiers.h>
#include <callbacks/json.h>
#include <callbacks/state_filter.h>

#include <async/task.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

/// What a host does with rooms for ModuleApi: its methods of the same name say what each does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's.
///
/// ModuleApi has checked before: senders and creators are of this server; an event has a type, room_id and sender that are
/// texts, a content that is an object, and a state_key that is a text if it has one, and is no membership; a membership word is
/// one of the seven; texts are UTF-8 without NUL characters, JSON is UTF-8 and at most callbacks::max_stored_nesting levels
/// deep; calls within calls are counted. What only the host can check:
/// - whether the sender or creator is a user: std::runtime_error "U is not a user of this homeserver" (update_room_membership,
///   create_room), and is in the room: 403 `M_FORBIDDEN` (create_and_send_event)
/// - whether the room is there: 404 (update_room_membership, set_room_is_in_public_room_list); reading methods give nothing
/// - power levels and the other rules of a room, the size of an event, whether an alias is known: 404 `M_NOT_FOUND`
/// - what its modules' callbacks refuse
class RoomServices {
public:
    virtual ~RoomServices() = default;

    /// Sends an event as one of the server's own users, through the same checks as a client's.
    [[nodiscard]] virtual async::task<callbacks::Event> create_and_send_event(callbacks::JsonDict event);
    /// Sends at least one event of one room as create_and_send_event does, all or none, each on the state that those before it
    /// make; gives them in their order.
    [[nodiscard]] virtual async::task<std::vector<callbacks::Event>> send_events(std::vector<callbacks::JsonDict> events);
    /// Sends an event only while the room's state event of that type and key has the id `expected`, none: isn't set. None: it was
    /// not sent.
    [[nodiscard]] virtual async::task<std::optional<callbacks::Event>> send_event_if(callbacks::JsonDict event,
                                                                                     std::string type, std::string state_key,
                                                                                     std::optional<std::string> expected);
    /// Changes a membership in the sender's name, and gives the event.
    [[nodiscard]] virtual async::task<callbacks::Event> update_room_membership(callbacks::UserID sender,
                                                                               callbacks::UserID target, std::string room_id,
                                                                               std::string new_membership,
                                                                               callbacks::JsonDict content,
                                                                               std::vector<std::string> remote_room_hosts);
    /// Room id and alias.
    [[nodiscard]] virtual async::task<std::pair<std::string, std::optional<std::string>>> create_room(
        callbacks::UserID user, callbacks::JsonDict config, bool ratelimit,
        std::optional<callbacks::JsonDict> creator_join_profile);
    /// Makes every local user leave, and purges the room.
    [[nodiscard]] virtual async::task<void> delete_room(callbacks::RoomID room);

    /// Current state; what no entry of `filter` wants is left out, none: nothing is. Empty for an unknown room.
    [[nodiscard]] virtual async::task<callbacks::StateMap> get_room_state(std::string room_id,
                                                                          std::optional<callbacks::StateFilter> filter);
    /// An event that this server has; none.
    [[nodiscard]] virtual async::task<std::optional<callbacks::Event>> get_event(std::string event_id);
    /// Who has this membership in a room; nobody in an unknown one.
    [[nodiscard]] virtual async::task<std::vector<std::string>> get_members(std::string room_id, std::string membership);
    /// The rooms in which a user has this membership.
    [[nodiscard]] virtual async::task<std::vector<std::string>> get_rooms_for_user(std::string user_id, std::string membership);

    /// Room id, and the servers that are in the room.
    [[nodiscard]] virtual async::task<std::pair<std::string, std::vector<std::string>>> lookup_room_alias(
        callbacks::RoomAlias alias);
    /// Whether a room is in the public directory; false for an unknown one.
    [[nodiscard]] virtual async::task<bool> room_is_in_public_room_list(std::string room_id);
    /// Puts a room into the public directory, or takes it out.
    [[nodiscard]] virtual async::task<void> set_room_is_in_public_room_list(std::string room_id, bool is_in_list);
};

}  // namespace modapi
