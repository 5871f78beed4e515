#pragma once

#include <boost/functional/hash.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace callbacks {

/// A user's presence at one moment (contract: `UserPresenceState`). A value: comparable and hashable.
struct UserPresenceState {
    std::string user_id;
    std::string state;                ///< online, unavailable, offline, org.matrix.msc3026.busy
    std::int64_t last_active_ts = 0;  ///< milliseconds since 1970, as the other two
    std::int64_t last_federation_update_ts = 0;
    std::int64_t last_user_sync_ts = 0;
    std::optional<std::string> status_msg;
    bool currently_active = false;

    bool operator==(const UserPresenceState&) const = default;
};

/// For boost::hash, found by argument-dependent lookup.
[[nodiscard]] inline std::size_t hash_value(const UserPresenceState& presence) {
    std::size_t seed = 0;
    boost::hash_combine(seed, presence.user_id);
    boost::hash_combine(seed, presence.state);
    boost::hash_combine(seed, presence.last_active_ts);
    boost::hash_combine(seed, presence.last_user_sync_ts);
    boost::hash_combine(seed, presence.status_msg.value_or(std::string()));
    boost::hash_combine(seed, presence.currently_active);
    return seed;
}

/// Several users' presence, each once.
using PresenceStates = std::unordered_set<UserPresenceState, boost::hash<UserPresenceState>>;
/// The answer of get_users_for_states: from a user to the states that this user is to get.
using UsersForStates = std::unordered_map<std::string, PresenceStates>;

/// The contract's PRESENCE_ALL_USERS: updates from every known user.
struct PresenceAllUsers {};
/// The value to return.
inline constexpr PresenceAllUsers PRESENCE_ALL_USERS{};

/// The answer of get_interested_users: a set of user ids, or PRESENCE_ALL_USERS.
class InterestedUsers {
public:
    using Set = std::unordered_set<std::string>;

    InterestedUsers() = default;
    InterestedUsers(Set users) : users_(std::move(users)) {}            // NOLINT: the contract's return forms
    InterestedUsers(PresenceAllUsers) noexcept : is_everyone_(true) {}  // NOLINT

    [[nodiscard]] bool is_everyone() const noexcept { return is_everyone_; }
    /// The users, empty if it is everyone.
    [[nodiscard]] const Set& users() const noexcept { return users_; }
    /// Whether this user is among them; everybody is among everyone.
    [[nodiscard]] bool contains(const std::string& user_id) const { return is_everyone_ || users_.contains(user_id); }
    /// Adds the users of `other`, which isn't everyone.
    void merge(InterestedUsers other) { users_.merge(other.users_); }

private:
    Set users_;
    bool is_everyone_ = false;
};

}  // namespace callbacks
