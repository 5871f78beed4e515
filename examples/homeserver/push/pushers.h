#pragma once

#include "http/router.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The pushers of users: where and how they want to hear of what their rules notify about.
namespace homeserver {

struct Pusher {
    std::string user_id;
    std::string app_id;
    std::string pushkey;
    std::string app_display_name;
    std::string device_display_name;
    std::optional<std::string> profile_tag;
    std::string lang;
    callbacks::JsonDict data;              ///< with `url`, the gateway
    std::optional<std::string> device_id;  ///< of the session that set it; it goes with it
    std::int64_t pushkey_ts = 0;           ///< when it was set, milliseconds since 1970
    std::int64_t last_position = 0;        ///< the stream position up to which it was told
    std::optional<std::int64_t> failing_since;

    /// Whether both are the same pusher, whatever their state.
    [[nodiscard]] bool is(const Pusher& other) const noexcept {
        return user_id == other.user_id && app_id == other.app_id && pushkey == other.pushkey;
    }
};

// For use inside a transaction.

/// Who of them has a pusher at all. Every message has all local members of its room looked at: many of them by one statement.
[[nodiscard]] std::vector<std::string> users_with_pushers(modapi::Transaction& transaction,
                                                          const std::set<std::string>& users);
[[nodiscard]] std::vector<Pusher> pushers_of(modapi::Transaction& transaction, const std::string& user_id);
/// As it is now; none if it is gone.
[[nodiscard]] std::optional<Pusher> find_pusher(modapi::Transaction& transaction, const Pusher& pusher);
void delete_pusher(modapi::Transaction& transaction, const Pusher& pusher);

/// GET /pushers and POST /pushers/set.
void add_pusher_endpoints(Router& router);

}  // namespace homeserver
