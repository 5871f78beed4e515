#pragma once

#include "http/router.h"
#include "rooms/membership.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/third_party_rules.h>
#include <callbacks/users.h>

#include <async/task.h>

#include <optional>
#include <string>

namespace homeserver {

/// Changes of profiles. One a worker; thread: the worker's.
class Profiles {
public:
    Profiles(modapi::Database& database, const ServerName& server_name, callbacks::ThirdPartyRulesDispatch& third_party_rules,
             Memberships& memberships) noexcept
        : database_(database), server_name_(server_name), third_party_rules_(third_party_rules), memberships_(memberships) {}

    /// Takes avatar and display name away, telling the modules after each that it belongs to a deactivation.
    [[nodiscard]] async::task<void> erase(std::string user_id, bool by_admin);

    /// Sets a field as an admin would: the change is stored, told to the modules and copied into the user's rooms. Errors:
    /// SynapseError 400 for a value that is too long and for a user of another server, 404 for an unknown one.
    [[nodiscard]] async::task<void> set_display_name(std::string user_id, std::string value);

    [[nodiscard]] async::task<void> set_avatar_url(std::string user_id, std::string value);

    /// Stores a field, which the user directory then finds, and tells neither modules nor rooms. None takes it away. Errors: as above.
    [[nodiscard]] async::task<void> store_display_name(std::string user_id, std::optional<std::string> value);
    [[nodiscard]] async::task<void> store_avatar_url(std::string user_id, std::optional<std::string> value);

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    callbacks::ThirdPartyRulesDispatch& third_party_rules_;
    Memberships& memberships_;
};

/// GET /profile/{user}, GET and PUT /profile/{user}/displayname and /avatar_url.
void add_profile_endpoints(Router& router);

}  // namespace homeserver
