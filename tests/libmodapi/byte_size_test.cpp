#include <modapi/byte_size.h>

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace {

modapi::ConfigSection size_of(callbacks::JsonValue value) {
    callbacks::JsonDict values;
    values["size"] = std::move(value);
    return modapi::ConfigSection(std::move(values));
}

TEST(ConfiguredByteSize, IsBytesOrHasAUnit) {
    EXPECT_EQ(modapi::optional_byte_size(size_of(0), "size"), 0);
    EXPECT_EQ(modapi::optional_byte_size(size_of(1500), "size"), 1500);
    EXPECT_EQ(modapi::optional_byte_size(size_of("1500"), "size"), 1500);
    EXPECT_EQ(modapi::optional_byte_size(size_of("64K"), "size"), 65536);
    EXPECT_EQ(modapi::optional_byte_size(size_of("50M"), "size"), 52428800);
    EXPECT_EQ(modapi::optional_byte_size(size_of("1G"), "size"), 1073741824);
    EXPECT_EQ(modapi::optional_byte_size(size_of("2T"), "size"), 2199023255552);
}

TEST(ConfiguredByteSize, AMistakeNamesItsPath) {
    const std::string largest = std::to_string(std::numeric_limits<std::int64_t>::max());
    for (const callbacks::JsonValue& value :
         {callbacks::JsonValue(-1), callbacks::JsonValue(1.5), callbacks::JsonValue(true),
          callbacks::JsonValue(callbacks::JsonArray()), callbacks::JsonValue(""), callbacks::JsonValue("M"),
          callbacks::JsonValue("-1M"), callbacks::JsonValue("+1"), callbacks::JsonValue(" 1"), callbacks::JsonValue("1 M"),
          callbacks::JsonValue("1.5M"), callbacks::JsonValue("1m"), callbacks::JsonValue("1MB"), callbacks::JsonValue("1MiB"),
          callbacks::JsonValue(largest + "K"), callbacks::JsonValue(largest + "0")}) {
        try {
            static_cast<void>(modapi::optional_byte_size(size_of(value), "size"));
            ADD_FAILURE() << value << " was taken";
        } catch (const callbacks::ConfigError& error) {
            EXPECT_EQ(error.path(), std::vector<std::string>{"size"}) << value;
        }
    }
}

TEST(ConfiguredByteSize, MayBeMissingUnlessItIsRequired) {
    EXPECT_EQ(modapi::optional_byte_size(modapi::ConfigSection(callbacks::JsonDict()), "size"), std::nullopt);
    EXPECT_EQ(modapi::optional_byte_size(size_of(nullptr), "size"), std::nullopt);
    EXPECT_THROW(static_cast<void>(modapi::required_byte_size(size_of(nullptr), "size")), callbacks::ConfigError);
    EXPECT_EQ(modapi::required_byte_size(size_of("10M"), "size"), 10485760);
}

}  // namespace
