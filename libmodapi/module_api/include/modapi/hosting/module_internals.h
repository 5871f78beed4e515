#pragma once

#include <callbacks/event.h>

#include <async/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

class ModuleApi;

/// A module's way to InternalServices, for who brings modules of another language: its arguments are checked, its calls within
/// calls counted and its changes refused in shadow mode as ModuleApi does it. Named as the contract's server names them.
///
/// Thread: the worker's. Lifetime: `api` outlives it, and it outlives its tasks. Errors of all: SynapseError 400
/// `M_INVALID_PARAM` for what is no user id and for text that can't be kept, ForeignUserError, ServiceNotOffered; those of
/// InternalServices.
class ModuleInternals {
public:
    explicit ModuleInternals(ModuleApi& api) noexcept : api_(api) {}

    /// Whose address it is; none: nobody's.
    [[nodiscard]] async::task<std::optional<std::string>> get_user_id_by_threepid(std::string medium, std::string address);
    /// Adds an address as if the user had validated it: all callbacks run. Time in milliseconds.
    [[nodiscard]] async::task<void> add_threepid(std::string user_id, std::string medium, std::string address,
                                                 std::int64_t validated_at);
    /// Takes an address away, with all that follows from it.
    [[nodiscard]] async::task<void> delete_threepid(std::string user_id, std::string medium, std::string address);
    /// Stores an address, and tells nobody. Times in milliseconds.
    [[nodiscard]] async::task<void> user_add_threepid(std::string user_id, std::string medium, std::string address,
                                                      std::int64_t validated_at, std::int64_t added_at);
    /// Takes an address out of the table, and tells nobody.
    [[nodiscard]] async::task<void> user_delete_threepid(std::string user_id, std::string medium, std::string address);
    /// Stores a display name, none takes it away, and tells nobody.
    [[nodiscard]] async::task<void> set_profile_displayname(std::string user_id, std::optional<std::string> new_displayname);
    /// Stores an avatar's URL, none takes it away, and tells nobody.
    [[nodiscard]] async::task<void> set_profile_avatar_url(std::string user_id, std::optional<std::string> new_avatar_url);
    /// Changes a user's avatar, as the user would.
    [[nodiscard]] async::task<void> set_avatar_url(std::string user_id, std::string new_avatar_url);
    /// Errors: SynapseError 404 `M_NOT_FOUND`, unless `allow_none`.
    [[nodiscard]] async::task<std::optional<callbacks::Event>> get_event(std::string event_id, bool allow_none);
    /// Of the events that no other one of the room follows: their ids.
    [[nodiscard]] async::task<std::vector<std::string>> get_latest_event_ids_in_room(std::string room_id);
    /// The rooms that a user is in.
    [[nodiscard]] async::task<std::vector<std::string>> get_rooms_for_user(std::string user_id);
    /// The users that are in a room.
    [[nodiscard]] async::task<std::vector<std::string>> get_users_in_room(std::string room_id);
    /// Whose id at an authentication provider it is; none: nobody's.
    [[nodiscard]] async::task<std::optional<std::string>> get_user_by_external_id(std::string auth_provider,
                                                                                  std::string external_id);
    /// A user's ids at authentication providers: pairs of provider and id.
    [[nodiscard]] async::task<std::vector<std::pair<std::string, std::string>>> get_external_ids_by_user(std::string user_id);
    /// Takes a user's id at an authentication provider away.
    [[nodiscard]] async::task<void> remove_user_external_id(std::string auth_provider, std::string external_id,
                                                            std::string user_id);
    /// Whether addresses were unbound at identity servers, which they are as far as this server knows.
    [[nodiscard]] async::task<bool> deactivate_account(std::string user_id, bool erase);

private:
    ModuleApi& api_;
};

}  // namespace modapi
