#include "../../examples/modules/configured_period.h"

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace {

using namespace std::chrono_literals;

modapi::ConfigSection section(callbacks::JsonValue value) {
    callbacks::JsonDict values;
    values["period"] = std::move(value);
    return modapi::ConfigSection(std::move(values));
}

TEST(ConfiguredPeriod, IsMillisecondsOrHasAUnit) {
    EXPECT_EQ(configured_period(section(0), "period"), 0ms);
    EXPECT_EQ(configured_period(section(1500), "period"), 1500ms);
    EXPECT_EQ(configured_period(section("1500"), "period"), 1500ms);
    EXPECT_EQ(configured_period(section("30s"), "period"), 30s);
    EXPECT_EQ(configured_period(section("5m"), "period"), 5min);
    EXPECT_EQ(configured_period(section("6h"), "period"), 6h);
    EXPECT_EQ(configured_period(section("7d"), "period"), 7 * 24h);
    EXPECT_EQ(configured_period(section("2w"), "period"), 14 * 24h);
    EXPECT_EQ(configured_period(section("1y"), "period"), 365 * 24h);
}

TEST(ConfiguredPeriod, AMistakeNamesItsPath) {
    const std::string largest = std::to_string(std::numeric_limits<std::int64_t>::max());
    for (const callbacks::JsonValue& value :
         {callbacks::JsonValue(-1), callbacks::JsonValue(1.5), callbacks::JsonValue(true),
          callbacks::JsonValue(callbacks::JsonArray()), callbacks::JsonValue(""), callbacks::JsonValue("s"),
          callbacks::JsonValue("-1s"), callbacks::JsonValue("+1"), callbacks::JsonValue(" 1"), callbacks::JsonValue("1 s"),
          callbacks::JsonValue("1.5h"), callbacks::JsonValue("1M"), callbacks::JsonValue("1ms"),
          callbacks::JsonValue(largest + "s"), callbacks::JsonValue(largest + "0")}) {
        try {
            static_cast<void>(configured_period(section(value), "period"));
            ADD_FAILURE() << value << " was taken";
        } catch (const callbacks::ConfigError& error) {
            EXPECT_EQ(error.path(), std::vector<std::string>{"period"}) << value;
        }
    }
}

TEST(ConfiguredPeriod, MayBeMissingUnlessItIsRequired) {
    EXPECT_EQ(configured_period(modapi::ConfigSection(callbacks::JsonDict()), "period"), std::nullopt);
    EXPECT_EQ(configured_period(section(nullptr), "period"), std::nullopt);
    EXPECT_THROW(static_cast<void>(required_period(section(nullptr), "period")), callbacks::ConfigError);
    EXPECT_EQ(required_period(section("1w"), "period"), 7 * 24h);
}

}  // namespace
