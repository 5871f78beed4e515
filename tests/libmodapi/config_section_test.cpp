#include <modapi/config_section.h>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace {

using callbacks::ConfigError;
using modapi::ConfigSection;
using Path = std::vector<std::string>;

ConfigSection section(std::string_view json) { return ConfigSection(boost::json::parse(json).as_object()); }

template <class Function>
ConfigError error_of(Function&& function) {
    try {
        function();
    } catch (const ConfigError& error) {
        return error;
    }
    return ConfigError("nothing was thrown");
}

TEST(ConfigSectionTest, GivesEveryDeclaredType) {
    const ConfigSection config = section(R"({"s":"x","b":true,"i":-3,"d":1.5,"o":{"k":1},"l":["a","b"],"n":[1,2]})");
    EXPECT_EQ(config.required<std::string>("s"), "x");
    EXPECT_TRUE(config.required<bool>("b"));
    EXPECT_EQ(config.required<int>("i"), -3);
    EXPECT_EQ(config.required<std::int64_t>("i"), -3);
    EXPECT_EQ(config.required<double>("d"), 1.5);
    EXPECT_EQ(config.required<double>("i"), -3.0);
    EXPECT_EQ(config.required<callbacks::JsonDict>("o").at("k"), 1);
    EXPECT_EQ(config.required<std::vector<std::string>>("l"), (Path{"a", "b"}));
    EXPECT_EQ(config.required<std::vector<int>>("n"), (std::vector<int>{1, 2}));
}

TEST(ConfigSectionTest, CountsNullAsMissing) {
    const ConfigSection config = section(R"({"room":null})");
    EXPECT_FALSE(config.contains("room"));
    EXPECT_EQ(config.optional<std::string>("room"), std::nullopt);
    const ConfigError error = error_of([&] { static_cast<void>(config.required<std::string>("room")); });
    EXPECT_STREQ(error.what(), "is required");
    EXPECT_EQ(error.path(), Path{"room"});
}

TEST(ConfigSectionTest, SaysWhichTypeIsWantedAndWhichIsThere) {
    const ConfigSection config = section(R"({"s":1,"i":"x","f":1.5,"l":[1,"x"]})");
    EXPECT_STREQ(error_of([&] { static_cast<void>(config.required<std::string>("s")); }).what(),
                 "must be a string, not a number");
    EXPECT_STREQ(error_of([&] { static_cast<void>(config.required<int>("i")); }).what(), "must be an integer, not a string");
    EXPECT_STREQ(error_of([&] { static_cast<void>(config.required<int>("f")); }).what(),
                 "must be an integer, not a number with a fraction");
    const ConfigError error = error_of([&] { static_cast<void>(config.required<std::vector<int>>("l")); });
    EXPECT_EQ(error.path(), (Path{"l", "1"}));
}

TEST(ConfigSectionTest, RefusesANumberThatDoesNotFit) {
    const ConfigSection config = section(R"({"i":3000000000,"u":18446744073709551615,"d":99999999999999999999})");
    EXPECT_STREQ(error_of([&] { static_cast<void>(config.required<int>("i")); }).what(), "is too large or too small a number");
    EXPECT_STREQ(error_of([&] { static_cast<void>(config.required<std::int64_t>("u")); }).what(),
                 "is too large or too small a number");
    EXPECT_STREQ(error_of([&] { static_cast<void>(config.required<std::int64_t>("d")); }).what(),
                 "is too large or too small a number");
}

TEST(ConfigSectionTest, KeepsThePathThroughSectionsAndLists) {
    const ConfigSection config = section(R"({"a":{"b":[{"c":1},{}]}})");
    const std::vector<ConfigSection> items = config.section("a").sections("b");
    ASSERT_EQ(items.size(), 2U);
    EXPECT_EQ(items[0].required<int>("c"), 1);
    EXPECT_EQ(error_of([&] { static_cast<void>(items[1].required<int>("c")); }).path(), (Path{"a", "b", "1", "c"}));
    EXPECT_TRUE(config.section("missing").values().empty());
    EXPECT_TRUE(config.sections("missing").empty());
}

TEST(ConfigSectionTest, RefusesUnknownKeysAndNamesTheKnownOnes) {
    const ConfigSection config = section(R"({"lenght":1})");
    const ConfigError error = error_of([&] { config.refuse_unknown_keys({"length", "room"}); });
    EXPECT_STREQ(error.what(), "is not a known key; known are length, room");
    EXPECT_EQ(error.path(), Path{"lenght"});
    EXPECT_NO_THROW(config.refuse_unknown_keys({"lenght"}));
}

}  // namespace
