#include <modapi/duration.h>

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace {

using namespace std::chrono_literals;

modapi::ConfigSection key_with(callbacks::JsonValue value) {
    callbacks::JsonDict values;
    values["period"] = std::move(value);
    return modapi::ConfigSection(std::move(values));
}

TEST(ConfiguredDuration, IsMillisecondsOrHasAUnit) {
    EXPECT_EQ(modapi::optional_duration(key_with(0), "period"), 0ms);
    EXPECT_EQ(modapi::optional_duration(key_with(1500), "period"), 1500ms);
    EXPECT_EQ(modapi::optional_duration(key_with("1500"), "period"), 1500ms);
    EXPECT_EQ(modapi::optional_duration(key_with("30s"), "period"), 30s);
    EXPECT_EQ(modapi::optional_duration(key_with("5m"), "period"), 5min);
    EXPECT_EQ(modapi::optional_duration(key_with("6h"), "period"), 6h);
    EXPECT_EQ(modapi::optional_duration(key_with("7d"), "period"), 7 * 24h);
    EXPECT_EQ(modapi::optional_duration(key_with("2w"), "period"), 14 * 24h);
    EXPECT_EQ(modapi::optional_duration(key_with("1y"), "period"), 365 * 24h);
}

TEST(ConfiguredDuration, AMistakeNamesItsPath) {
    const std::string largest = std::to_string(std::numeric_limits<std::int64_t>::max());
    for (const callbacks::JsonValue& value :
         {callbacks::JsonValue(-1), callbacks::JsonValue(1.5), callbacks::JsonValue(true),
          callbacks::JsonValue(callbacks::JsonArray()), callbacks::JsonValue(""), callbacks::JsonValue("s"),
          callbacks::JsonValue("-1s"), callbacks::JsonValue("+1"), callbacks::JsonValue(" 1"), callbacks::JsonValue("1 s"),
          callbacks::JsonValue("1.5h"), callbacks::JsonValue("1M"), callbacks::JsonValue("1ms"),
          callbacks::JsonValue(largest + "s"), callbacks::JsonValue(largest + "0")}) {
        try {
            static_cast<void>(modapi::optional_duration(key_with(value), "period"));
            ADD_FAILURE() << value << " was taken";
        } catch (const callbacks::ConfigError& error) {
            EXPECT_EQ(error.path(), std::vector<std::string>{"period"}) << value;
        }
    }
}

TEST(ConfiguredDuration, MayBeMissingUnlessItIsRequired) {
    EXPECT_EQ(modapi::optional_duration(modapi::ConfigSection(callbacks::JsonDict()), "period"), std::nullopt);
    EXPECT_EQ(modapi::optional_duration(key_with(nullptr), "period"), std::nullopt);
    EXPECT_THROW(static_cast<void>(modapi::required_duration(key_with(nullptr), "period")), callbacks::ConfigError);
    EXPECT_EQ(modapi::required_duration(key_with("1w"), "period"), 7 * 24h);
}

/// In milliseconds.
std::optional<std::int64_t> configured_duration_ms(std::string_view text) {
    const std::optional<std::chrono::milliseconds> duration = modapi::parse_duration(text);
    if (!duration) return std::nullopt;
    return duration->count();
}

TEST(WrittenDuration, IsANumberOfMillisecondsOrOneWithAUnit) {
    EXPECT_EQ(configured_duration_ms("0"), 0);
    EXPECT_EQ(configured_duration_ms("250"), 250);
    EXPECT_EQ(configured_duration_ms("3s"), 3000);
    EXPECT_EQ(configured_duration_ms("5m"), 300'000);
    EXPECT_EQ(configured_duration_ms("2h"), 7'200'000);
    EXPECT_EQ(configured_duration_ms("1d"), 86'400'000);
    EXPECT_EQ(configured_duration_ms("1w"), 604'800'000);
    EXPECT_EQ(configured_duration_ms("1y"), 31'536'000'000);
}

TEST(WrittenDuration, IsNothingElse) {
    for (const char* const text :
         {"", "s", "-1", "+1", "1.5s", "1 s", "1ss", "1S", "99999999999999999999", "9223372036854775807y"})
        EXPECT_EQ(configured_duration_ms(text), std::nullopt) << text;
}

}  // namespace
