#pragma once

#include "rate_limits/rate_limit_settings.h"

#include <async/clock.h>

#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/ordered_index.hpp>
#include <boost/multi_index_container.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// How often each of many does something: everybody, by a name, has a bucket that takes `burst_count` actions at once and
/// drains by `per_second`. A bucket is as full as whoever looks says: what is in it has drained by their limit's rate since it
/// was filled last, whatever the limit was then. So the time to wait is true of the limit that it is asked with, also when
/// somebody's limit has changed. Those with different limits see different levels of one bucket and change what the others see:
/// who isn't to has a bucket by another name (`name_of_bucket`).
///
///     const std::optional<std::chrono::milliseconds> wait = limiter.take(user_id, limiter.usual());
///     if (wait) throw LimitExceeded(*wait);
///
/// Thread: any; one is shared by all workers of the process. Lifetime: `clock` outlives it. Memory: about 100 bytes for each
/// bucket that hasn't drained, whatever its name, of `capacity` at most. Cost: a look-up by the name and one by the time, under
/// a lock; nothing for a limit that is none.
class RateLimiter {
public:
    static constexpr std::size_t usual_capacity = 100'000;
    /// 24 days, 20 hours and some: nobody is told to wait for longer, nor anything else for what no wait makes possible: more
    /// actions at once than a bucket takes. A browser's timer is over at once if it is to last longer than this.
    static constexpr std::chrono::milliseconds longest_wait{std::numeric_limits<std::int32_t>::max()};

    RateLimiter(RateLimit usual, const async::clock& clock, std::size_t capacity = usual_capacity);

    /// What the configuration says; whoever counts may say another limit for some.
    [[nodiscard]] const RateLimit& usual() const noexcept { return usual_; }

    /// For how long `whose` has to wait until `actions` more are allowed, `longest_wait` at most; none: they are now. Counts
    /// nothing.
    [[nodiscard]] std::optional<std::chrono::milliseconds> look(std::string_view whose, const RateLimit& limit,
                                                                std::int64_t actions = 1) const;
    /// Counts the actions if they are allowed; else gives the time to wait, as `look`.
    [[nodiscard]] std::optional<std::chrono::milliseconds> take(std::string_view whose, const RateLimit& limit,
                                                                std::int64_t actions = 1);
    /// Actions that were taken and didn't come about don't count.
    void give_back(std::string_view whose, std::int64_t actions = 1);

    /// How many buckets are kept.
    [[nodiscard]] std::size_t size() const;

private:
    using time_point = async::clock::time_point;

    struct Bucket {
        std::uint64_t name = 0;  ///< of the name: nobody who doesn't know the key makes two names the same
        time_point drained_at;
        time_point filled_at;
        double level = 0;       ///< actions that were in it when it was filled last
        double per_second = 0;  ///< the slowest rate that it is expected to drain by: until then it is kept
    };
    using ByName = boost::multi_index::hashed_unique<boost::multi_index::member<Bucket, std::uint64_t, &Bucket::name>>;
    using ByTime = boost::multi_index::ordered_non_unique<boost::multi_index::member<Bucket, time_point, &Bucket::drained_at>>;
    using Buckets = boost::multi_index_container<Bucket, boost::multi_index::indexed_by<ByName, ByTime>>;

    [[nodiscard]] std::uint64_t hash_of(std::string_view whose) const noexcept;
    /// What is in the bucket of this name at that time, for whom it drains by this rate.
    [[nodiscard]] double level_of(std::uint64_t name, double per_second, time_point now) const;
    /// None: with that in the bucket there is room for the actions.
    [[nodiscard]] static std::optional<std::chrono::milliseconds> wait_for(double level, const RateLimit& limit,
                                                                           std::int64_t actions);
    void fill(std::uint64_t name, double level, double per_second, time_point now);
    [[nodiscard]] static time_point drained_at(const Bucket& bucket);
    void drop_drained(time_point now);
    /// Those that are drained first go, which free least, but not the one that was filled last.
    void drop_excess(std::uint64_t filled_last);

    const RateLimit usual_;
    const async::clock& clock_;
    const std::size_t capacity_;
    std::array<unsigned char, 16> key_{};
    mutable std::mutex mutex_;
    Buckets buckets_;
};

/// The bucket, among those of `whose`, for all that have this limit: that of the usual limit has the name itself. So nothing
/// that somebody with another limit does, and no rate that they drain by, changes what those with the usual one may.
[[nodiscard]] std::string name_of_bucket(const RateLimiter& limiter, const std::string& whose, const RateLimit& limit);

/// Actions that a limiter has taken, which count if what they were taken for came about: it is given back otherwise. Thread:
/// any, one at a time.
class RateClaim {
public:
    /// Of nothing.
    RateClaim() = default;
    /// Takes them, if they are allowed; else gives the time to wait, as RateLimiter::take. Of something that claims nothing
    /// yet. Lifetime: the limiter outlives it.
    [[nodiscard]] std::optional<std::chrono::milliseconds> take(RateLimiter& limiter, std::string whose, const RateLimit& limit,
                                                                std::int64_t actions = 1);
    ~RateClaim() { give_back(); }
    RateClaim(RateClaim&& other) noexcept;
    RateClaim& operator=(RateClaim&& other) noexcept;
    RateClaim(const RateClaim&) = delete;
    RateClaim& operator=(const RateClaim&) = delete;

    /// They count.
    void keep() noexcept { limiter_ = nullptr; }

private:
    void give_back() noexcept;

    RateLimiter* limiter_ = nullptr;  ///< null: there is nothing to give back
    std::string whose_;
    std::int64_t actions_ = 0;
};

/// All limiters of a process. Thread: any.
struct RateLimiters {
    RateLimiters(const RateLimitSettings& settings, const async::clock& clock);

    RateLimiter messages;
    RateLimiter registrations;
    RateLimiter login_addresses;
    RateLimiter login_accounts;
    RateLimiter failed_logins;
    RateLimiter local_joins;
    RateLimiter remote_joins;
    RateLimiter invites_per_room;
    RateLimiter invites_per_user;
    RateLimiter invites_per_issuer;
};

}  // namespace homeserver
