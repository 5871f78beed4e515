#include <callbacks/json_buffer.h>

#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace {

using callbacks::JsonBuffer;
using callbacks::JsonValue;

std::string string_of(std::string_view text) {
    JsonBuffer buffer;
    buffer.string(text);
    return std::string(buffer.view());
}

std::string number_of(double number) {
    JsonBuffer buffer;
    buffer.number(number);
    return std::string(buffer.view());
}

TEST(JsonBuffer, WritesEveryByteAtEveryPlaceAsBoostDoes) {
    for (std::size_t size = 0; size <= 40; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string text(size, 'x');
                text[place] = static_cast<char>(byte);
                ASSERT_EQ(string_of(text), boost::json::serialize(JsonValue(text))) << size << ' ' << place << ' ' << byte;
            }
        }
    }
}

TEST(JsonBuffer, KeepsDoublesApartFromIntegersAndExact) {
    EXPECT_EQ(number_of(1), "1.0");
    EXPECT_EQ(number_of(-0.5), "-0.5");
    EXPECT_EQ(number_of(1e300), "1e+300");
    for (const double number : {0.1, 1.0 / 3, std::numeric_limits<double>::max(), 123456789.123456789}) {
        EXPECT_EQ(std::stod(number_of(number)), number);
    }
    EXPECT_EQ(number_of(std::nan("")), "null");
    EXPECT_EQ(number_of(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonBuffer, GrowsAndKeepsWhatItHas) {
    JsonBuffer buffer;
    std::string expected;
    for (int index = 0; index < 3000; ++index) {
        buffer.append("abc");
        buffer.append('\n');
        expected += "abc\n";
    }
    EXPECT_EQ(buffer.view(), expected);
    buffer.cut(3);
    EXPECT_EQ(buffer.view(), "abc");
    JsonBuffer moved(std::move(buffer));
    EXPECT_EQ(moved.view(), "abc");
}

TEST(JsonBuffer, WritesNestedValues) {
    const JsonValue value = {{"a", {1, "two", nullptr, true}}, {"b", boost::json::object()}, {"c", boost::json::array()}};
    JsonBuffer buffer;
    buffer.value(value);
    EXPECT_EQ(buffer.view(), R"({"a":[1,"two",null,true],"b":{},"c":[]})");
}

}  // namespace
