#include "rate_limits/rate_limits.h"

#include "accounts/accounts.h"
#include "rate_limits/limit_exceeded.h"

#include <chrono>
#include <utility>

namespace homeserver {

namespace {

using Wait = std::optional<std::chrono::milliseconds>;

void take_one(RateLimiter& limiter, const std::string& whose) {
    const Wait wait = limiter.take(whose, limiter.usual());
    if (wait) throw LimitExceeded(*wait);
}

RateClaim claim_one(RateLimiter& limiter, const std::string& whose) {
    RateClaim claim;
    const Wait wait = claim.take(limiter, whose, limiter.usual());
    if (wait) throw LimitExceeded(*wait);
    return claim;
}

}  // namespace

async::task<bool> RateLimits::is_free(std::string user_id) {
    const std::optional<RateLimit> own = co_await overrides_.of(user_id);
    co_return own && own->is_unlimited();
}

async::task<std::shared_ptr<RateClaim>> RateLimits::claim_message(std::string user_id) {
    const std::optional<RateLimit> own = co_await overrides_.of(user_id);
    const RateLimit limit = own.value_or(limiters_.messages.usual());
    if (limit.is_unlimited()) co_return nullptr;
    auto claim = std::make_shared<RateClaim>();
    const Wait wait = claim->take(limiters_.messages, user_id, limit);
    if (!wait) co_return claim;
    // Few are, so it is asked last.
    const bool is_admin = co_await is_server_admin(database_, std::move(user_id));
    if (!is_admin) throw LimitExceeded(*wait);
    co_return nullptr;
}

async::task<void> RateLimits::take_message(std::string user_id) {
    const std::shared_ptr<RateClaim> claim = co_await claim_message(std::move(user_id));
    if (claim) claim->keep();
}

async::task<void> RateLimits::take_join(std::string user_id, bool is_known) {
    RateLimiter& limiter = is_known ? limiters_.local_joins : limiters_.remote_joins;
    if (limiter.usual().is_unlimited()) co_return;
    const bool free = co_await is_free(user_id);
    if (!free) take_one(limiter, user_id);
}

async::task<RateLimit> RateLimits::limit_for(std::string user_id, std::string limiter_name, RateLimit usual) {
    const std::optional<callbacks::RatelimitOverride> said =
        co_await ratelimit_.get_ratelimit_override_for_user(user_id, limiter_name);
    if (!said) co_return usual;
    RateLimit limit;
    limit.per_second = said->per_second();
    limit.burst_count = said->burst_count();
    co_return limit;
}

async::task<std::shared_ptr<RateClaim>> RateLimits::claim_shared(RateLimiter& limiter, std::string limiter_name,
                                                                 std::string whose, std::string issuer, std::int64_t invites) {
    const RateLimit limit = co_await limit_for(std::move(issuer), std::move(limiter_name), limiter.usual());
    auto claim = std::make_shared<RateClaim>();
    const Wait wait = claim->take(limiter, name_of_bucket(limiter, whose, limit), limit, invites);
    if (wait) throw LimitExceeded(*wait);
    co_return claim;
}

async::task<InviteClaims> RateLimits::claim_invite(LimitedInvite invite) {
    InviteClaims claims;
    const bool free = co_await is_free(invite.issuer);
    if (free) co_return claims;
    if (invite.room_id && !invite.is_counted) {
        std::string name("rc_invites.per_room");
        std::shared_ptr<RateClaim> claim =
            co_await claim_shared(limiters_.invites_per_room, std::move(name), *invite.room_id, invite.issuer, invite.invites);
        claims.push_back(std::move(claim));
    }
    if (invite.invitee) {
        std::string name("rc_invites.per_user");
        std::shared_ptr<RateClaim> claim =
            co_await claim_shared(limiters_.invites_per_user, std::move(name), *invite.invitee, invite.issuer, invite.invites);
        claims.push_back(std::move(claim));
    }
    if (!invite.is_counted) {
        std::string name("rc_invites.per_issuer");
        const RateLimit limit = co_await limit_for(invite.issuer, std::move(name), limiters_.invites_per_issuer.usual());
        const Wait wait = limiters_.invites_per_issuer.take(invite.issuer, limit, invite.invites);
        if (wait) throw LimitExceeded(*wait);
    }
    co_return claims;
}

InviteClaims RateLimits::claim_outside_invite(const std::string& room_id, const std::optional<std::string>& invitee) {
    InviteClaims claims;
    claims.push_back(std::make_shared<RateClaim>(claim_one(limiters_.invites_per_room, room_id)));
    if (invitee) claims.push_back(std::make_shared<RateClaim>(claim_one(limiters_.invites_per_user, *invitee)));
    return claims;
}

void RateLimits::require_registration(const std::string& address) const {
    const Wait wait = limiters_.registrations.look(address, limiters_.registrations.usual());
    if (wait) throw LimitExceeded(*wait);
}

RateClaim RateLimits::claim_registration(const std::string& address) { return claim_one(limiters_.registrations, address); }

void RateLimits::take_login_of_address(const std::string& address) { take_one(limiters_.login_addresses, address); }

async::task<void> RateLimits::take_login_of_account(std::string user_id) {
    if (limiters_.login_accounts.usual().is_unlimited()) co_return;
    const bool free = co_await is_free(user_id);
    if (free) co_return;
    const Wait wait = limiters_.login_accounts.take(user_id, limiters_.login_accounts.usual());
    if (!wait) co_return;
    const bool is_admin = co_await is_server_admin(database_, std::move(user_id));
    if (!is_admin) throw LimitExceeded(*wait);
}

RateClaim RateLimits::claim_failed_login(const std::string& whose) { return claim_one(limiters_.failed_logins, whose); }

}  // namespace homeserver
