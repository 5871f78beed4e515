#pragma once

#include <callbacks/category.h>
#include <callbacks/ratelimit_override.h>

#include <optional>
#include <string>

namespace callbacks {

/// Contract: ratelimit_callbacks.
template <MODAPI_CALLBACK_KIND>
struct RatelimitCategory {
    static constexpr std::string_view category_name = "ratelimit";

    /// A limit is looked at that a module may set for a user: `rc_invites.per_room`, `rc_invites.per_user` or
    /// `rc_invites.per_issuer`. Not for whom an administrator has freed of limits. Nobody: what is configured.
    Callback<"get_ratelimit_override_for_user",
             std::optional<RatelimitOverride>(const std::string& user_id, const std::string& limiter_name),
             since<"1.132.0", routine<first_value>>, propagate>
        get_ratelimit_override_for_user{};
};

/// What a module registers.
using Ratelimit = RatelimitCategory<async::slot>;
/// What a host calls.
using RatelimitDispatch = RatelimitCategory<async::dispatch>;

}  // namespace callbacks
