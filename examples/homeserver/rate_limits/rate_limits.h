#pragma once

#include "rate_limits/rate_limiter.h"
#include "rate_limits/rate_overrides.h"

#include <modapi/database.h>

#include <callbacks/ratelimit.h>

#include <async/task.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// Who invites whom, whereto, as far as limits ask.
struct LimitedInvite {
    std::string issuer;
    std::optional<std::string> room_id;  ///< none: a room that is about to be made
    std::optional<std::string> invitee;  ///< none: several, or who has an address
    std::int64_t invites = 1;
    bool is_counted = false;  ///< the room's and the issuer's limits have let it through
};

/// What an invitation has taken of the buckets of its room and its invitee: `keep` it once the invitation is stored. What comes
/// to nothing is given back, so that nobody uses up others' invitations by such as are refused.
using InviteClaims = std::vector<std::shared_ptr<RateClaim>>;

/// What users, addresses and rooms may do how often, as the configuration, an admin and modules say it. One a worker; thread:
/// the worker's. Counting is the process's.
///
/// Errors of all of them: LimitExceeded. Who isn't limited at all: users for whom an admin has set `messages_per_second` 0;
/// server admins, for whom the invitations and joins of this aren't asked; what modules do, for which nothing of this is.
class RateLimits {
public:
    RateLimits(RateLimiters& limiters, RateOverrides& overrides, callbacks::RatelimitDispatch& ratelimit,
               modapi::Database& database) noexcept
        : limiters_(limiters), overrides_(overrides), ratelimit_(ratelimit), database_(database) {}

    /// A user's message, or whatever counts as one. `keep` what came about. Null: it isn't limited.
    [[nodiscard]] async::task<std::shared_ptr<RateClaim>> claim_message(std::string user_id);
    /// Likewise for what counts in any case.
    [[nodiscard]] async::task<void> take_message(std::string user_id);
    /// A user's join of a room. `is_known`: this server is in the room.
    [[nodiscard]] async::task<void> take_join(std::string user_id, bool is_known);
    /// A local user's invitation, by the limits of its room, its invitee and its issuer. If one of them refuses it, it counts
    /// for none; else it counts for its issuer, whatever becomes of it. Modules are asked for each limit; what their callback
    /// throws, this does. Issuers for whom they say another limit than the usual one share the buckets of rooms and invitees
    /// with those for whom they say the same, and change nothing for others.
    [[nodiscard]] async::task<InviteClaims> claim_invite(LimitedInvite invite);
    /// Another server's invitation, which has no issuer.
    [[nodiscard]] InviteClaims claim_outside_invite(const std::string& room_id, const std::optional<std::string>& invitee);

    /// Whether this address may make an account, before anything else of a registration.
    void require_registration(const std::string& address) const;
    [[nodiscard]] RateClaim claim_registration(const std::string& address);

    /// Before anything else of a login.
    void take_login_of_address(const std::string& address);
    /// Once it is proved who logs in.
    [[nodiscard]] async::task<void> take_login_of_account(std::string user_id);
    /// Before it is looked at what proves it; what isn't kept has failed no more. `whose`: whoever it is about, there or not.
    [[nodiscard]] RateClaim claim_failed_login(const std::string& whose);

private:
    /// Whether an admin has freed the user of limits.
    [[nodiscard]] async::task<bool> is_free(std::string user_id);
    /// A limit of invitations as it is for this user.
    [[nodiscard]] async::task<RateLimit> limit_for(std::string user_id, std::string limiter_name, RateLimit usual);
    /// A limit of a room's or an invitee's invitations.
    [[nodiscard]] async::task<std::shared_ptr<RateClaim>> claim_shared(RateLimiter& limiter, std::string limiter_name,
                                                                       std::string whose, std::string issuer,
                                                                       std::int64_t invites);

    RateLimiters& limiters_;
    RateOverrides& overrides_;
    callbacks::RatelimitDispatch& ratelimit_;
    modapi::Database& database_;
};

}  // namespace homeserver
