#pragma once

#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/user_info.h>

#include <async/task.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

/// One row of the users table.
struct Account {
    std::string user_id;
    std::optional<std::string> password_hash;  ///< none: no login by password
    bool admin = false;
    bool is_guest = false;
    bool deactivated = false;
    bool shadow_banned = false;
    bool locked = false;     ///< nobody may use it, and its sessions stay
    bool suspended = false;  ///< its user may read and leave, and not say anything
};

/// What a new account starts with.
struct NewAccount {
    std::string user_id;
    std::optional<std::string> password_hash;
    std::optional<std::string> display_name;
    bool admin = false;
    bool shadow_banned = false;
    std::int64_t creation_ts = 0;  ///< milliseconds since 1970
    /// What the account's transaction does beside: all or nothing. Empty: nothing.
    std::function<void(modapi::Transaction&)> alongside{};
};

/// The account of exactly this user id; none if there is none. For use inside a transaction.
[[nodiscard]] std::optional<Account> find_account(modapi::Transaction& transaction, const std::string& user_id);
/// The account a person means by this user id: exactly it, or the only one that differs by case alone.
[[nodiscard]] std::optional<Account> find_account_ignoring_case(modapi::Transaction& transaction, const std::string& user_id);

/// Whether exactly this user id is a local account, also a deactivated one.
[[nodiscard]] async::task<bool> user_exists(modapi::Database& database, std::string user_id);
[[nodiscard]] async::task<bool> is_server_admin(modapi::Database& database, std::string user_id);
/// Throws for an account that nobody may use: SynapseError 404 "No row found", 403 `M_USER_DEACTIVATED`. For a write that an
/// account must be in use for. For use inside a transaction.
void require_usable(modapi::Transaction& transaction, const std::string& user_id);
/// Throws for an account that nobody may log in to: as require_usable, and 401 `M_USER_LOCKED`.
[[nodiscard]] async::task<void> require_unlocked_account(modapi::Database& database, std::string user_id);
/// Likewise, for use inside a transaction.
void require_unlocked(modapi::Transaction& transaction, const std::string& user_id);
/// Throws SynapseError 403 "Invalid username or password" if the account's password isn't the one of this hash any more. For
/// use inside a transaction.
void require_password(modapi::Transaction& transaction, const std::string& user_id, const std::string& password_hash);
/// Whether this is a local account that was taken out of use. For use inside a transaction.
[[nodiscard]] bool is_deactivated(modapi::Transaction& transaction, const std::string& user_id);
/// Makes a local user a server admin, or no longer one. False: there is no such account. For use inside a transaction.
bool mark_admin(modapi::Transaction& transaction, const std::string& user_id, bool admin);
/// Locks a local user's account, or unlocks it. For use inside a transaction.
void mark_locked(modapi::Transaction& transaction, const std::string& user_id, bool locked);
/// Suspends a local user, or no longer. False: there is no such account. For use inside a transaction.
bool mark_suspended(modapi::Transaction& transaction, const std::string& user_id, bool suspended);
/// Makes a local user a server admin, or no longer one. Errors: SynapseError 404 "No row found".
[[nodiscard]] async::task<void> set_server_admin(modapi::Database& database, std::string user_id, bool admin);
/// What `user_infos` reads of the users table.
inline constexpr std::string_view user_info_columns =
    "user_id, creation_ts, admin, deactivated, is_guest, shadow_banned, locked, suspended";
/// All that is known of the accounts that a query of `user_info_columns` finds. For use inside a transaction.
template <class... Values>
[[nodiscard]] std::vector<callbacks::UserInfo> user_infos(modapi::Transaction& transaction, std::string_view sql,
                                                          const Values&... values) {
    auto rows = transaction.query<std::string, std::int64_t, bool, bool, bool, bool, bool, bool>(sql, values...);
    std::vector<callbacks::UserInfo> found;
    found.reserve(rows.size());
    for (auto& [user_id, creation_ts, admin, deactivated, is_guest, shadow_banned, locked, suspended] : rows) {
        callbacks::UserInfo& info = found.emplace_back(callbacks::UserID(std::move(user_id)));
        info.creation_ts = creation_ts;
        info.is_admin = admin;
        info.is_deactivated = deactivated;
        info.is_guest = is_guest;
        info.is_shadow_banned = shadow_banned;
        info.locked = locked;
        info.suspended = suspended;
    }
    return found;
}
/// All that is known of exactly this user id; none if there is no account. For use inside a transaction.
[[nodiscard]] std::optional<callbacks::UserInfo> find_user_info(modapi::Transaction& transaction, const std::string& user_id);

/// Stores the account and its profile. Errors: SynapseError 400 `M_USER_IN_USE` "User ID already taken.".
[[nodiscard]] async::task<void> create_account(modapi::Database& database, NewAccount account);

/// Checks the localpart of a user that is to be: characters, length, taken. Errors: SynapseError 400 `M_INVALID_USERNAME`, 400
/// `M_USER_IN_USE`.
[[nodiscard]] async::task<void> check_username(modapi::Database& database, const ServerName& server_name,
                                               std::string localpart);

}  // namespace homeserver
