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

template <class Integer>
std::string integer_of(Integer number) {
    JsonBuffer buffer;
    buffer.number(number);
    return std::string(buffer.view());
}

TEST(JsonBuffer, WritesIntegersOfEveryLength) {
    std::uint64_t power = 1;
    for (int digits = 0; digits < 20; ++digits, power *= 10) {
        for (const std::uint64_t number : {power - 1, power, power + 1, power * 9 / 10 * 9, power / 7}) {
            ASSERT_EQ(integer_of(number), std::to_string(number));
            const auto negative = -static_cast<std::int64_t>(number % (std::uint64_t(1) << 63));
            ASSERT_EQ(integer_of(negative), std::to_string(negative));
        }
    }
    for (std::uint64_t number = 0; number < 200'000; ++number) ASSERT_EQ(integer_of(number), std::to_string(number));
    EXPECT_EQ(integer_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    EXPECT_EQ(integer_of(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
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

TEST(JsonBuffer, GrowsToAGigabyteAndKeepsWhatItHasThen) {
    JsonBuffer text;
    text.append("what it has");
    EXPECT_THROW(static_cast<void>(text.reserve(JsonBuffer::max_bytes)), std::length_error);
    EXPECT_THROW(static_cast<void>(text.reserve(static_cast<std::size_t>(-1))), std::length_error);
    EXPECT_EQ(text.view(), "what it has");
}

TEST(JsonBuffer, WritesNestedValues) {
    const JsonValue value = {{"a", {1, "two", nullptr, true}}, {"b", boost::json::object()}, {"c", boost::json::array()}};
    JsonBuffer buffer;
    buffer.value(value);
    EXPECT_EQ(buffer.view(), R"({"a":[1,"two",null,true],"b":{},"c":[]})");
}

}  // namespace
