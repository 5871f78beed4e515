#pragma once

#include <callbacks/identifiers.h>
#include <callbacks/user_info.h>

#include <async/task.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

/// What a host does for modules that reach behind the contract's ModuleApi, into the server that they were written for: the
/// published ones of other languages do, and there is no other way for them. ModuleApi itself has no such members.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered, and the module hears that by the name that it has used.
/// Thread: the worker's.
///
/// The bridge to the other language has checked before: a `UserID` is of this server; texts are UTF-8 without NUL characters.
/// What only the host can check: whether the user is there: SynapseError 404, as of the methods of AccountServices; whether an
/// address is somebody else's: 400 `M_THREEPID_IN_USE`; reading methods give nothing.
class InternalServices {
public:
    virtual ~InternalServices() = default;

    // Addresses of users. The host brings them into their canonical form.

    /// Whose address it is; none: nobody's.
    [[nodiscard]] virtual async::task<std::optional<std::string>> get_user_id_by_threepid(std::string medium,
                                                                                          std::string address);
    /// As if the user had validated it: all callbacks run.
    [[nodiscard]] virtual async::task<void> add_threepid(callbacks::UserID user, callbacks::ThirdPartyID id);
    /// Takes an address away, with all that follows from it.
    [[nodiscard]] virtual async::task<void> delete_threepid(callbacks::UserID user, std::string medium, std::string address);
    /// What is stored alone: nobody is told.
    [[nodiscard]] virtual async::task<void> store_threepid(callbacks::UserID user, callbacks::ThirdPartyID id);
    /// Takes it out of the table alone: nobody is told.
    [[nodiscard]] virtual async::task<void> forget_threepid(callbacks::UserID user, std::string medium, std::string address);

    // Profiles.

    /// As an admin would: on_profile_update runs, then it goes into the user's rooms. Empty: no avatar.
    [[nodiscard]] virtual async::task<void> set_avatar_url(callbacks::UserID user, std::string new_avatar_url);
    /// What is stored alone: neither modules nor rooms are told. None takes it away.
    [[nodiscard]] virtual async::task<void> store_displayname(callbacks::UserID user,
                                                              std::optional<std::string> new_displayname);
    /// Stores the URL alone, none takes it away: neither modules nor rooms are told.
    [[nodiscard]] virtual async::task<void> store_avatar_url(callbacks::UserID user, std::optional<std::string> new_avatar_url);

    // Who users are at authentication providers.

    /// Whose id at an authentication provider it is; none: nobody's.
    [[nodiscard]] virtual async::task<std::optional<std::string>> get_user_by_external_id(std::string auth_provider_id,
                                                                                          std::string external_id);
    /// Pairs of provider and id.
    [[nodiscard]] virtual async::task<std::vector<std::pair<std::string, std::string>>> get_external_ids(std::string user_id);
    /// Takes a user's id at an authentication provider away.
    [[nodiscard]] virtual async::task<void> remove_external_id(std::string auth_provider_id, std::string external_id,
                                                               callbacks::UserID user);

    // Rooms.

    /// The events that no other one follows yet.
    [[nodiscard]] virtual async::task<std::vector<std::string>> get_latest_event_ids(std::string room_id);
};

}  // namespace modapi
