#include "rate_limits/rate_limiter.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

/// Beyond this it is the same whether a bucket is kept or not, and no time overflows.
constexpr double longest_draining_s = 10.0 * 365 * 24 * 3600;
/// Less than this of an action is how a double was rounded.
constexpr double rounding = 1e-9;
constexpr std::size_t dropped_at_once = 64;

double seconds_between(async::clock::time_point from, async::clock::time_point to) {
    return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

}  // namespace

RateLimiter::RateLimiter(RateLimit usual, const async::clock& clock, std::size_t capacity)
    : usual_(usual), clock_(clock), capacity_(capacity) {
    static_assert(std::tuple_size_v<decltype(key_)> == crypto_shorthash_KEYBYTES);
    crypto_shorthash_keygen(key_.data());
}

std::uint64_t RateLimiter::hash_of(std::string_view whose) const noexcept {
    std::uint64_t hash = 0;
    static_assert(sizeof hash == crypto_shorthash_BYTES);
    crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), reinterpret_cast<const unsigned char*>(whose.data()),
                     whose.size(), key_.data());
    return hash;
}

double RateLimiter::level_of(std::uint64_t name, double per_second, time_point now) const {
    const auto found = buckets_.get<0>().find(name);
    if (found == buckets_.get<0>().end()) return 0;
    return std::max(0.0, found->level - seconds_between(found->filled_at, now) * per_second);
}

std::optional<std::chrono::milliseconds> RateLimiter::wait_for(double level, const RateLimit& limit, std::int64_t actions) {
    const double too_many = level + static_cast<double>(actions) - static_cast<double>(limit.burst_count);
    if (too_many <= rounding) return std::nullopt;
    if (actions > limit.burst_count) return longest_wait;  // they don't fit into an empty bucket either
    constexpr double longest_wait_s = std::chrono::duration<double>(longest_wait).count();
    const double seconds = std::min((too_many - rounding / 2) / limit.per_second, longest_wait_s);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
    return std::clamp(wait, std::chrono::milliseconds(1), longest_wait);
}

std::optional<std::chrono::milliseconds> RateLimiter::look(std::string_view whose, const RateLimit& limit,
                                                           std::int64_t actions) const {
    if (limit.is_unlimited()) return std::nullopt;
    const std::uint64_t name = hash_of(whose);
    const time_point now = clock_.now();
    const std::lock_guard lock(mutex_);
    return wait_for(level_of(name, limit.per_second, now), limit, actions);
}

std::optional<std::chrono::milliseconds> RateLimiter::take(std::string_view whose, const RateLimit& limit,
                                                           std::int64_t actions) {
    if (limit.is_unlimited() || actions <= 0) return std::nullopt;
    const std::uint64_t name = hash_of(whose);
    const time_point now = clock_.now();
    const std::lock_guard lock(mutex_);
    drop_drained(now);
    const double level = level_of(name, limit.per_second, now);
    const std::optional<std::chrono::milliseconds> wait = wait_for(level, limit, actions);
    if (!wait) fill(name, level + static_cast<double>(actions), limit.per_second, now);
    return wait;
}

void RateLimiter::give_back(std::string_view whose, std::int64_t actions) {
    const std::uint64_t name = hash_of(whose);
    const std::lock_guard lock(mutex_);
    auto& by_name = buckets_.get<0>();
    const auto found = by_name.find(name);
    if (found == by_name.end()) return;  // drained, or dropped, by now
    Bucket bucket = *found;
    bucket.level -= static_cast<double>(actions);
    bucket.drained_at = drained_at(bucket);
    if (bucket.level > rounding) {
        by_name.replace(found, bucket);
    } else {
        by_name.erase(found);
    }
}

RateLimiter::time_point RateLimiter::drained_at(const Bucket& bucket) {
    const std::chrono::duration<double> draining(std::min(bucket.level / bucket.per_second, longest_draining_s));
    return bucket.filled_at + std::chrono::duration_cast<async::clock::duration>(draining);
}

void RateLimiter::fill(std::uint64_t name, double level, double per_second, time_point now) {
    Bucket bucket;
    bucket.name = name;
    bucket.filled_at = now;
    bucket.level = level;
    // Who has another limit for a while finds the bucket by the usual one afterwards.
    bucket.per_second = usual_.is_unlimited() ? per_second : std::min(per_second, usual_.per_second);
    bucket.drained_at = drained_at(bucket);
    auto& by_name = buckets_.get<0>();
    const auto place = by_name.find(name);
    if (place != by_name.end()) {
        by_name.replace(place, bucket);
    } else {
        by_name.insert(bucket);
        drop_excess(name);
    }
}

void RateLimiter::drop_drained(time_point now) {
    auto& by_time = buckets_.get<1>();
    for (std::size_t dropped = 0; dropped < dropped_at_once; ++dropped) {
        const auto first = by_time.begin();
        if (first == by_time.end() || first->drained_at > now) return;
        by_time.erase(first);
    }
}

void RateLimiter::drop_excess(std::uint64_t filled_last) {
    auto& by_time = buckets_.get<1>();
    while (by_time.size() > std::max<std::size_t>(capacity_, 1)) {
        auto first = by_time.begin();
        if (first->name == filled_last) ++first;
        by_time.erase(first);
    }
}

std::size_t RateLimiter::size() const {
    const std::lock_guard lock(mutex_);
    return buckets_.size();
}

std::string name_of_bucket(const RateLimiter& limiter, const std::string& whose, const RateLimit& limit) {
    if (limit == limiter.usual()) return whose;
    // To the bit; no user's or room's id begins with a digit.
    const auto rate = std::bit_cast<std::uint64_t>(limit.per_second);
    return std::to_string(rate) + " " + std::to_string(limit.burst_count) + " " + whose;
}

std::optional<std::chrono::milliseconds> RateClaim::take(RateLimiter& limiter, std::string whose, const RateLimit& limit,
                                                         std::int64_t actions) {
    if (limit.is_unlimited()) return std::nullopt;
    const std::optional<std::chrono::milliseconds> wait = limiter.take(whose, limit, actions);
    if (wait) return wait;
    limiter_ = &limiter;
    whose_ = std::move(whose);
    actions_ = actions;
    return std::nullopt;
}

RateClaim::RateClaim(RateClaim&& other) noexcept
    : limiter_(std::exchange(other.limiter_, nullptr)), whose_(std::move(other.whose_)), actions_(other.actions_) {}

RateClaim& RateClaim::operator=(RateClaim&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    limiter_ = std::exchange(other.limiter_, nullptr);
    whose_ = std::move(other.whose_);
    actions_ = other.actions_;
    return *this;
}

void RateClaim::give_back() noexcept {
    if (limiter_ != nullptr) limiter_->give_back(whose_, actions_);
    limiter_ = nullptr;
}

RateLimiters::RateLimiters(const RateLimitSettings& settings, const async::clock& clock)
    : messages(settings.message, clock),
      registrations(settings.registration, clock),
      login_addresses(settings.login_address, clock),
      login_accounts(settings.login_account, clock),
      failed_logins(settings.failed_logins, clock),
      local_joins(settings.local_joins, clock),
      remote_joins(settings.remote_joins, clock),
      invites_per_room(settings.invites_per_room, clock),
      invites_per_user(settings.invites_per_user, clock),
      invites_per_issuer(settings.invites_per_issuer, clock) {}

}  // namespace homeserver
