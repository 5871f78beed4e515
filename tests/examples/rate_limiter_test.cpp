#include "rate_limits/rate_limiter.h"
#include "rate_limits/limit_exceeded.h"

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Buckets that fill and drain, on a clock that the test moves.
namespace {

using namespace std::chrono_literals;
using homeserver::RateClaim;
using homeserver::RateLimit;
using homeserver::RateLimiter;
using Wait = std::optional<std::chrono::milliseconds>;

constexpr RateLimit two_a_second{2, 3};

class RateLimiterTest : public testing::Test {
protected:
    void advance(async::clock::duration length) { clock.move_to(clock.now() + length); }

    async::testing::virtual_clock clock;
};

TEST_F(RateLimiterTest, TakesABurstAtOnceAndThenAsManyAsDrain) {
    RateLimiter limiter(two_a_second, clock);
    for (int number = 0; number < 3; ++number) EXPECT_EQ(limiter.take("alice", two_a_second), Wait());
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait(500ms));
    EXPECT_EQ(limiter.take("bob", two_a_second), Wait()) << "everybody has a bucket of their own";
    advance(200ms);
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait(300ms)) << "what is refused doesn't count";
    advance(300ms);
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait());
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait(500ms));
    advance(1h);
    for (int number = 0; number < 3; ++number) EXPECT_EQ(limiter.take("alice", two_a_second), Wait());
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait(500ms)) << "who waits for longer gets no more than a burst";
}

TEST_F(RateLimiterTest, TheTimeItNamesIsTheTimeAfterWhichItTakes) {
    const RateLimit slow{0.003, 5};
    RateLimiter limiter(slow, clock);
    for (int number = 0; number < 100; ++number) {
        const Wait wait = limiter.look("alice", slow);
        if (wait) advance(*wait);
        EXPECT_EQ(limiter.take("alice", slow), Wait()) << number;
    }
}

TEST_F(RateLimiterTest, ALookCountsNothingAndSeveralCountTogetherOrNotAtAll) {
    RateLimiter limiter(two_a_second, clock);
    for (int number = 0; number < 9; ++number) EXPECT_EQ(limiter.look("alice", two_a_second), Wait());
    EXPECT_EQ(limiter.size(), 0U);
    EXPECT_EQ(limiter.take("alice", two_a_second, 2), Wait());
    EXPECT_EQ(limiter.take("alice", two_a_second, 3), Wait(1s));
    advance(1s);
    EXPECT_EQ(limiter.take("alice", two_a_second, 3), Wait());
    EXPECT_EQ(limiter.look("alice", two_a_second, 2), Wait(1s));
}

TEST_F(RateLimiterTest, WhatIsUnlimitedIsNotCounted) {
    const RateLimit unlimited{0, 0};
    RateLimiter limiter(two_a_second, clock);
    for (int number = 0; number < 100; ++number) EXPECT_EQ(limiter.take("alice", unlimited), Wait());
    EXPECT_EQ(limiter.look("alice", unlimited), Wait());
    EXPECT_EQ(limiter.size(), 0U);
}

TEST_F(RateLimiterTest, AnotherLimitOfSomebodyHoldsForWhatIsInTheirBucket) {
    RateLimiter limiter(two_a_second, clock);
    const RateLimit faster{10, 5};
    for (int number = 0; number < 3; ++number) EXPECT_EQ(limiter.take("alice", two_a_second), Wait());
    EXPECT_EQ(limiter.take("alice", faster), Wait());
    EXPECT_EQ(limiter.take("alice", faster), Wait());
    EXPECT_EQ(limiter.take("alice", faster), Wait(100ms));
    EXPECT_EQ(limiter.look("alice", two_a_second), Wait(1500ms)) << "5 are in it, and 3 - 1 may be";
    advance(300ms);
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait(1200ms))
        << "it drains by the rate that it is asked with, not by that it was filled with";
    EXPECT_EQ(limiter.take("alice", faster, 3), Wait());
}

TEST_F(RateLimiterTest, TheTimeItNamesIsTrueAlsoAfterTheLimitHasChanged) {
    const RateLimit slower{0.1, 3};
    RateLimiter limiter(slower, clock);
    const RateLimit faster{1000, 3};
    EXPECT_EQ(limiter.take("alice", faster, 3), Wait());
    EXPECT_EQ(limiter.look("alice", slower), Wait(10s));
    advance(10s - 1ms);
    EXPECT_EQ(limiter.look("alice", slower), Wait(1ms));
    advance(1ms);
    EXPECT_EQ(limiter.take("alice", slower), Wait());
    EXPECT_EQ(limiter.look("alice", faster), Wait(1ms)) << "and the other way round";
    advance(1ms);
    EXPECT_EQ(limiter.look("alice", faster), Wait());
}

TEST_F(RateLimiterTest, AFasterLimitForAWhileDoesNotEmptyABucketForTheUsualOne) {
    RateLimiter limiter(two_a_second, clock);
    const RateLimit faster{1000, 5};
    EXPECT_EQ(limiter.take("alice", faster, 5), Wait());
    advance(1s);
    EXPECT_EQ(limiter.take("bob", two_a_second), Wait()) << "by which what has drained is dropped";
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait(500ms)) << "3 are in it still";
    advance(500ms);
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait());
}

TEST_F(RateLimiterTest, WhoHasAnotherLimitTakesNothingOfWhatIsForAll) {
    RateLimiter limiter(two_a_second, clock);
    const RateLimit another{1000, 50};
    EXPECT_EQ(homeserver::name_of_bucket(limiter, "!room", two_a_second), "!room");
    const std::string apart = homeserver::name_of_bucket(limiter, "!room", another);
    EXPECT_NE(apart, "!room");
    EXPECT_EQ(homeserver::name_of_bucket(limiter, "!room", another), apart) << "one for all who have this limit";
    EXPECT_NE(homeserver::name_of_bucket(limiter, "!room", RateLimit{1000, 51}), apart);
    EXPECT_NE(homeserver::name_of_bucket(limiter, "!room", RateLimit{1000.0000001, 50}), apart);
    EXPECT_NE(homeserver::name_of_bucket(limiter, "!other", another), apart);
}

TEST_F(RateLimiterTest, AbsurdLimitsRefuseAndOverflowNothing) {
    RateLimiter limiter(two_a_second, clock);
    const RateLimit nothing{5, 0};
    EXPECT_EQ(limiter.take("alice", nothing), Wait(RateLimiter::longest_wait));
    const RateLimit hardly{1e-300, 1};
    EXPECT_EQ(limiter.take("bob", hardly), Wait());
    EXPECT_EQ(limiter.take("bob", hardly), Wait(RateLimiter::longest_wait));
    advance(24h);
    EXPECT_NE(limiter.take("bob", hardly), Wait());
    const RateLimit any{1e300, std::int64_t{1} << 62};
    for (int number = 0; number < 100; ++number) EXPECT_EQ(limiter.take("carol", any), Wait());
}

TEST_F(RateLimiterTest, WhatNoWaitMakesPossibleIsToWaitForAsLongAsATimerLasts) {
    RateLimiter limiter(two_a_second, clock);
    EXPECT_EQ(limiter.take("alice", two_a_second, 4), Wait(RateLimiter::longest_wait)) << "of 3 at once";
    EXPECT_EQ(limiter.look("alice", two_a_second, 4), Wait(RateLimiter::longest_wait));
    EXPECT_EQ(limiter.take("alice", two_a_second, 3), Wait()) << "and nothing was counted";
    EXPECT_EQ(limiter.look("alice", RateLimit{1e9, 0}), Wait(RateLimiter::longest_wait));
    EXPECT_EQ(RateLimiter::longest_wait.count(), 2'147'483'647) << "which setTimeout of browsers takes for a time still";
}

TEST_F(RateLimiterTest, KeepsNothingOfWhoHasDrained) {
    RateLimiter limiter(two_a_second, clock);
    for (int number = 0; number < 1000; ++number) EXPECT_EQ(limiter.take(std::to_string(number), two_a_second), Wait());
    EXPECT_EQ(limiter.size(), 1000U);
    advance(500ms);
    for (int number = 0; number < 20; ++number) EXPECT_EQ(limiter.take("alice", RateLimit{1000, 1000}), Wait());
    EXPECT_EQ(limiter.size(), 1U);
}

TEST_F(RateLimiterTest, AHundredThousandAddressesThatEachComeOnceTakeBoundedMemory) {
    const RateLimit logins{0.003, 5};
    RateLimiter limiter(logins, clock);
    for (int number = 0; number < 100'000; ++number) {
        EXPECT_EQ(limiter.take("10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256), logins), Wait());
    }
    EXPECT_EQ(limiter.size(), RateLimiter::usual_capacity);
    for (int number = 0; number < 100'000; ++number) EXPECT_EQ(limiter.take("more " + std::to_string(number), logins), Wait());
    EXPECT_EQ(limiter.size(), RateLimiter::usual_capacity) << "and more don't take more";
}

TEST_F(RateLimiterTest, NobodyGetsRidOfAFullBucketByFillingManyOthersALittle) {
    RateLimiter limiter(two_a_second, clock, 100);
    for (int number = 0; number < 3; ++number) EXPECT_EQ(limiter.take("mallory", two_a_second), Wait());
    for (int number = 0; number < 10'000; ++number) {
        EXPECT_EQ(limiter.take("other " + std::to_string(number), two_a_second), Wait());
    }
    EXPECT_EQ(limiter.size(), 100U);
    EXPECT_EQ(limiter.take("mallory", two_a_second), Wait(500ms));
}

TEST_F(RateLimiterTest, WhoComesWhenAllBucketsAreFullerIsCountedToo) {
    RateLimiter limiter(two_a_second, clock, 10);
    for (int number = 0; number < 10; ++number) EXPECT_EQ(limiter.take(std::to_string(number), two_a_second, 3), Wait());
    for (int number = 0; number < 3; ++number) EXPECT_EQ(limiter.take("alice", two_a_second), Wait());
    EXPECT_EQ(limiter.take("alice", two_a_second), Wait(500ms));
}

TEST_F(RateLimiterTest, WhatCameToNothingIsGivenBack) {
    RateLimiter limiter(two_a_second, clock);
    EXPECT_EQ(limiter.take("alice", two_a_second, 2), Wait());
    {
        RateClaim claim;
        EXPECT_EQ(claim.take(limiter, "alice", two_a_second), Wait());
        EXPECT_EQ(limiter.look("alice", two_a_second), Wait(500ms)) << "others see it meanwhile";
        RateClaim refused;
        EXPECT_EQ(refused.take(limiter, "alice", two_a_second), Wait(500ms));
        RateClaim moved = std::move(claim);
    }
    EXPECT_EQ(limiter.look("alice", two_a_second), Wait());
    {
        RateClaim claim;
        EXPECT_EQ(claim.take(limiter, "alice", two_a_second), Wait());
        claim.keep();
    }
    EXPECT_EQ(limiter.look("alice", two_a_second), Wait(500ms));
    {
        RateClaim claim;
        const RateLimit slower{0.1, 4};
        EXPECT_EQ(claim.take(limiter, "alice", slower), Wait());
        advance(250ms);
    }
    EXPECT_EQ(limiter.look("alice", two_a_second), Wait(250ms)) << "and the rest has drained as if it had never been taken";
    RateClaim late;
    EXPECT_EQ(late.take(limiter, "bob", two_a_second), Wait());
    advance(1h);
    late = RateClaim();  // there is no bucket any more to give it back to
    EXPECT_EQ(limiter.take("bob", two_a_second, 3), Wait());
}

TEST_F(RateLimiterTest, SeveralThreadsTogetherTakeNoMoreThanABurst) {
    const RateLimit limit{1, 1000};
    RateLimiter limiter(limit, clock);
    std::vector<int> taken(4);
    std::vector<std::thread> threads;
    for (int& count : taken) {
        threads.emplace_back([&limiter, &limit, &count] {
            for (int number = 0; number < 1000; ++number) {
                if (!limiter.take("alice", limit)) ++count;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken[0] + taken[1] + taken[2] + taken[3], 1000);
}

TEST(LimitExceededTest, SaysHowLongToWaitInTheBodyAndInWholeSecondsInAHeader) {
    const homeserver::LimitExceeded refusal(1001ms);
    EXPECT_EQ(refusal.status(), 429);
    EXPECT_EQ(refusal.body(),
              (callbacks::JsonDict{{"errcode", "M_LIMIT_EXCEEDED"}, {"error", "Too Many Requests"}, {"retry_after_ms", 1001}}));
    EXPECT_EQ(refusal.headers(), (callbacks::SynapseError::Headers{{"Retry-After", "2"}}));
    EXPECT_EQ(homeserver::LimitExceeded(1ms).headers(), (callbacks::SynapseError::Headers{{"Retry-After", "1"}}));
}

}  // namespace
