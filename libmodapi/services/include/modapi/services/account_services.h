#pragma once

#include <modapi/user_order.h>

#include <callbacks/json.h>
#include <callbacks/user_info.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// What a host does with accounts for ModuleApi: its methods of the same name say what each does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's.
///
/// ModuleApi has checked before: a `UserID` of a method that changes something, or that keeps something for a user, is of this
/// server; texts are UTF-8 without NUL characters, JSON is UTF-8 and at most callbacks::max_stored_nesting levels deep; limits
/// are positive. What only the host can check:
/// - whether the user is there: SynapseError 404 "No row found" (set_user_admin, deactivate_user), 404 `M_NOT_FOUND`
///   "Profile was not found" (set_displayname), std::invalid_argument (put_global_account_data); reading methods give nothing
/// - whether a name is allowed and free (check_username, register_user), an address is bound already (register_user), a
///   provider's id is recorded already: ExternalIDReuseException
/// - the length of a display name
/// - which account data is kept by other means: SynapseError 405
/// - what its modules' callbacks refuse
class AccountServices {
public:
    virtual ~AccountServices() = default;

    /// The canonical id of a local user; none if there is none.
    [[nodiscard]] virtual async::task<std::optional<std::string>> check_user_exists(std::string user_id);
    /// What there is to be known of a user of this server; none for an unknown one.
    [[nodiscard]] virtual async::task<std::optional<callbacks::UserInfo>> get_userinfo_by_id(std::string user_id);
    /// User ids of this server behind `after`, in their order, at most `limit`.
    [[nodiscard]] virtual async::task<std::vector<std::string>> get_local_users(std::string after, int limit);
    /// At most `limit` users of this server in that order, guests and deactivated ones too: those after `after`, a user who was
    /// listed before and need not be there any more; none: the first ones.
    [[nodiscard]] virtual async::task<std::vector<callbacks::UserInfo>> list_local_users(
        UserOrder order, std::optional<callbacks::UserInfo> after, int limit);
    /// Whether a user is a server admin; false for an unknown one.
    [[nodiscard]] virtual async::task<bool> is_user_admin(callbacks::UserID user);
    /// Makes a user a server admin, or none.
    [[nodiscard]] virtual async::task<void> set_user_admin(callbacks::UserID user, bool admin);
    /// Throws what is wrong with a name, or that it is taken.
    [[nodiscard]] virtual async::task<void> check_username(std::string username);
    /// Gives the user id. Does everything that registering calls callbacks for.
    [[nodiscard]] virtual async::task<std::string> register_user(std::string localpart, std::optional<std::string> displayname,
                                                                 std::vector<std::string> emails, bool admin);
    /// Ends an account; `erase`: as its user wishes, what they have sent is shown to nobody new.
    [[nodiscard]] virtual async::task<void> deactivate_user(callbacks::UserID user, bool erase);

    /// A user's display name and avatar.
    [[nodiscard]] virtual async::task<callbacks::ProfileInfo> get_profile_for_user(std::string localpart);
    /// Changes a display name, and tells the user's rooms.
    [[nodiscard]] virtual async::task<void> set_displayname(callbacks::UserID user, std::string new_displayname);

    /// The addresses that belong to a user.
    [[nodiscard]] virtual async::task<std::vector<callbacks::ThirdPartyID>> get_threepids_for_user(std::string user_id);
    /// Notes that the user bound an address at an identity server.
    [[nodiscard]] virtual async::task<void> store_remote_3pid_association(callbacks::UserID user, std::string medium,
                                                                          std::string address, std::string id_server);
    /// Notes who a user is at an authentication provider.
    [[nodiscard]] virtual async::task<void> record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                                                    callbacks::UserID registered_user);

    /// Null if it isn't set. The user is a local one; not necessarily a known one.
    [[nodiscard]] virtual async::task<std::shared_ptr<const callbacks::JsonDict>> get_global_account_data(
        callbacks::UserID user, std::string data_type);
    /// Replaces a user's global account data of this type.
    [[nodiscard]] virtual async::task<void> put_global_account_data(callbacks::UserID user, std::string data_type,
                                                                    callbacks::JsonDict new_data);
};

}  // namespace modapi
