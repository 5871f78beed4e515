#pragma once

#include <modapi/database.h>

#include <optional>
#include <string>
#include <string_view>

/// Rooms that the members of other rooms may join (specification, "Restricted rooms").
namespace homeserver {

/// The member of a join's content that names who let the user in.
constexpr std::string_view authorising_user_key = "join_authorised_via_users_server";

/// Whether somebody has to let a user into a room, and who does.
struct Admission {
    bool is_needed = false;                    ///< the room is restricted, and the user neither in it nor invited
    std::optional<std::string> authorised_by;  ///< a user of this server who may invite; none: the user isn't let in
};

/// For use inside a transaction.
[[nodiscard]] Admission find_admission(modapi::Transaction& transaction, const std::string& room_id, const std::string& user_id,
                                       const std::string& server_name);

/// Who authorises the join, if anybody has to. Errors: SynapseError 403 `M_FORBIDDEN` for who isn't let in.
[[nodiscard]] std::optional<std::string> require_admission(const Admission& admission);

}  // namespace homeserver
