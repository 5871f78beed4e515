#include "process/configured_duration.h"

#include <gtest/gtest.h>

namespace {

using homeserver::configured_duration_ms;

TEST(ConfiguredDuration, IsANumberOfMillisecondsOrOneWithAUnit) {
    EXPECT_EQ(configured_duration_ms("0"), 0);
    EXPECT_EQ(configured_duration_ms("250"), 250);
    EXPECT_EQ(configured_duration_ms("3s"), 3000);
    EXPECT_EQ(configured_duration_ms("5m"), 300'000);
    EXPECT_EQ(configured_duration_ms("2h"), 7'200'000);
    EXPECT_EQ(configured_duration_ms("1d"), 86'400'000);
    EXPECT_EQ(configured_duration_ms("1w"), 604'800'000);
    EXPECT_EQ(configured_duration_ms("1y"), 31'536'000'000);
}

TEST(ConfiguredDuration, IsNothingElse) {
    for (const char* const text :
         {"", "s", "-1", "+1", "1.5s", "1 s", "1ss", "1S", "99999999999999999999", "9223372036854775807y"})
        EXPECT_EQ(configured_duration_ms(text), std::nullopt) << text;
}

}  // namespace
