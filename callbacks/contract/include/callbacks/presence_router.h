#pragma once

#include <callbacks/category.h>
#include <callbacks/presence.h>

#include <string>
#include <vector>

namespace callbacks {

/// Contract: presence_router_callbacks. Both callbacks or neither.
template <MODAPI_CALLBACK_KIND>
struct PresenceRouterCategory {
    static constexpr std::string_view category_name = "presence router";

    /// When presence of local users changed: who else is to get which of these states.
    Callback<"get_users_for_states", UsersForStates(const std::vector<UserPresenceState>& state_updates),
             since<"1.42.0", afterwards<union_per_key>>, skip>
        get_users_for_states{};

    /// When a user's view of presence is computed: whose presence may they see beyond their rooms.
    Callback<"get_interested_users", InterestedUsers(const std::string& user_id), since<"1.42.0", union_or_everyone>, skip>
        get_interested_users{};
};

/// What a module registers.
using PresenceRouter = PresenceRouterCategory<async::slot>;
/// What a host calls.
using PresenceRouterDispatch = PresenceRouterCategory<async::dispatch>;

}  // namespace callbacks
