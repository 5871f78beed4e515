#pragma once

#include <cstdint>

namespace homeserver {

/// How often something may be done: `burst_count` times at once, and then as often as `per_second` says.
struct RateLimit {
    double per_second = 0;         ///< never negative; 0: as often as anybody likes
    std::int64_t burst_count = 0;  ///< never negative

    [[nodiscard]] bool is_unlimited() const noexcept { return per_second == 0; }
    bool operator==(const RateLimit&) const = default;
};

/// The keys `rc_...` of the configuration, with the values that the contract's server has where nothing is said.
struct RateLimitSettings {
    RateLimit message{0.2, 10};             ///< `rc_message`, by user
    RateLimit registration{0.17, 3};        ///< `rc_registration`, by address
    RateLimit login_address{0.003, 5};      ///< `rc_login.address`
    RateLimit login_account{0.003, 5};      ///< `rc_login.account`: by user, who logs in
    RateLimit failed_logins{0.17, 3};       ///< `rc_login.failed_attempts`: by user, whose login fails
    RateLimit local_joins{0.1, 10};         ///< `rc_joins.local`, by user
    RateLimit remote_joins{0.01, 10};       ///< `rc_joins.remote`, by user
    RateLimit invites_per_room{0.3, 10};    ///< `rc_invites.per_room`
    RateLimit invites_per_user{0.003, 5};   ///< `rc_invites.per_user`: by who is invited
    RateLimit invites_per_issuer{0.3, 10};  ///< `rc_invites.per_issuer`: by who invites
};

}  // namespace homeserver
