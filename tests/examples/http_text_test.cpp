#include "http/target.h"
#include "text/utf8.h"

#include <modapi/request_target.h>

#include <gtest/gtest.h>

namespace {

using namespace homeserver;
using modapi::parse_query;
using modapi::percent_decoded;
using modapi::split_target;

TEST(HttpTextTest, DecodesPercentSignsAndLeavesIncompleteOnes) {
    EXPECT_EQ(percent_decoded("%40a%3Ab"), "@a:b");
    EXPECT_EQ(percent_decoded("100%"), "100%");
    EXPECT_EQ(percent_decoded("%4"), "%4");
    EXPECT_EQ(percent_decoded("%zz"), "%zz");
    EXPECT_EQ(percent_decoded("a+b"), "a+b");
    EXPECT_EQ(percent_decoded("a+b", true), "a b");
}

TEST(HttpTextTest, TakesAQueryApartInOrder) {
    const auto query = parse_query("a=1&b=x%20y&&c&d=&a=2=3");
    const std::vector<std::pair<std::string, std::string>> expected = {
        {"a", "1"}, {"b", "x y"}, {"c", ""}, {"d", ""}, {"a", "2=3"}};
    EXPECT_EQ(query, expected);
}

TEST(HttpTextTest, KnowsWhatIsUtf8) {
    EXPECT_TRUE(is_storable_text("plain, \xC3\xA4, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
    EXPECT_FALSE(is_storable_text("\xFF"));
    EXPECT_FALSE(is_storable_text("\xC3"));              // cut off
    EXPECT_FALSE(is_storable_text("\xC0\xAF"));          // longer than needed
    EXPECT_FALSE(is_storable_text("\xED\xA0\x80"));      // a surrogate
    EXPECT_FALSE(is_storable_text("\xF4\x90\x80\x80"));  // behind the last code point
    EXPECT_FALSE(is_storable_text(std::string_view("a\0b", 3)));
}

TEST(HttpTextTest, SplitsEveryFormOfATarget) {
    EXPECT_EQ(split_target("/a/b?x=1?").path, "/a/b");
    EXPECT_EQ(split_target("/a/b?x=1?").query, "x=1?");
    EXPECT_EQ(split_target("http://host:1/a?b").path, "/a");
    EXPECT_EQ(split_target("http://host").path, "");
    EXPECT_EQ(split_target("*").path, "");
}

TEST(HttpTextTest, KeepsALogLineOneLineOfWords) {
    EXPECT_EQ(printable("/a b\n\"\xC3"), "/a%20b%0A%22%C3");
    EXPECT_LT(printable(std::string(10000, 'a')).size(), 600U);
}

TEST(HttpText, ComparesWithoutCaseAndWithoutLookingBehindTheEnd) {
    EXPECT_TRUE(equal_ignoring_case("X-Matrix", "x-mATRIX"));
    EXPECT_FALSE(equal_ignoring_case("X-Matrix", "X-Matri"));
    EXPECT_FALSE(equal_ignoring_case("@", "`"));  // 32 apart, as letters of two cases are
    const std::vector<char> exact = {'a', 'B'};
    EXPECT_TRUE(equal_ignoring_case(std::string_view(exact.data(), exact.size()), "Ab"));
}

}  // namespace
