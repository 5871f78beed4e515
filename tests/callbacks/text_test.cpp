#include <callbacks/errors.h>
#include <callbacks/limits.h>
#include <callbacks/storable_json.h>
#include <callbacks/text.h>

#include <gtest/gtest.h>

#include <string>

namespace {

TEST(Text, IsUtf8OrNot) {
    EXPECT_TRUE(callbacks::is_utf8(""));
    EXPECT_TRUE(callbacks::is_utf8(std::string_view("with a \0 in it", 14)));
    EXPECT_TRUE(callbacks::is_utf8("longer than eight bytes, \xC3\xA4 and \xF0\x9F\x98\x80"));
    EXPECT_FALSE(callbacks::is_utf8("longer than eight bytes, and then \xFF"));
    EXPECT_FALSE(callbacks::is_utf8("cut off: \xE2\x82"));
    EXPECT_EQ(callbacks::end_of_utf8("longer than eight bytes\xC3", 0), 23U);
    EXPECT_FALSE(callbacks::is_storable_text(std::string_view("with a \0 in it", 14)));
}

TEST(Text, EndsAsUtf8WhereverInItTheFirstOtherByteIs) {
    for (std::size_t size : {1U, 8U, 63U, 64U, 65U, 130U, 200U}) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, 'x');
            text[at] = '\xFF';
            EXPECT_EQ(callbacks::end_of_utf8(text, 0), at) << "of " << size;
            EXPECT_EQ(callbacks::end_of_utf8(text, at + 1), size);
            text.replace(at, 1, "\xC3\xA4");
            EXPECT_TRUE(callbacks::is_utf8(text)) << at << " of " << size;
            EXPECT_EQ(callbacks::end_of_utf8(text, at + 1), at + 1) << "the second byte of a character";
        }
    }
}

TEST(Text, IsRepairedWhereItIsNotUtf8) {
    const std::string fine = "plain text of some length, \xC3\xA4, \xE2\x82\xAC, \xF0\x9F\x98\x80 and a\tcontrol";
    const std::string mark = "\xEF\xBF\xBD";
    EXPECT_EQ(callbacks::repaired_utf8(fine), fine);
    EXPECT_EQ(callbacks::repaired_utf8(""), "");
    EXPECT_EQ(callbacks::repaired_utf8("\xFF"), mark);
    EXPECT_EQ(callbacks::repaired_utf8("eight by\xFFtes and more"), "eight by" + mark + "tes and more");
    EXPECT_EQ(callbacks::repaired_utf8("cut off \xE2\x82"), "cut off " + mark + mark);
    EXPECT_EQ(callbacks::repaired_utf8("\xC3\xFFx\xED\xA0\x80"), mark + mark + "x" + mark + mark + mark);
    EXPECT_EQ(callbacks::repaired_utf8(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Text, LosesTheWhiteSpaceOfEveryAlphabetAtItsEnds) {
    EXPECT_EQ(callbacks::trimmed(" \t\r\n plain text \v\f"), "plain text");
    EXPECT_EQ(callbacks::trimmed("\xC2\xA0\xE3\x80\x80\xE2\x80\x83"
                                 "caf\xC3\xA9"
                                 "\xE2\x80\xA8\xE2\x80\xAF\x1F"),
              "caf\xC3\xA9");
    EXPECT_EQ(callbacks::trimmed("\xE2\x80\x8B"
                                 "x"
                                 "\xE2\x80\x8B"),
              "\xE2\x80\x8B"
              "x"
              "\xE2\x80\x8B")
        << "invisible, and no white space";
    EXPECT_EQ(callbacks::trimmed(" \xE3\x80\x80 "), "");
    EXPECT_EQ(callbacks::trimmed(""), "");
    EXPECT_EQ(callbacks::trimmed(" \xFF \x80\x80\x80\x80\x80 "), "\xFF \x80\x80\x80\x80\x80");
    EXPECT_EQ(callbacks::trimmed("x\xE3\x80"), "x\xE3\x80") << "a character that is cut off";
}

TEST(StorableJson, IsRefusedWithTheReason) {
    try {
        callbacks::require_storable_value(callbacks::JsonArray{1, "\xC3"});
        FAIL() << "nothing was thrown";
    } catch (const callbacks::SynapseError& error) {
        EXPECT_EQ(error.status(), 400);
        EXPECT_EQ(error.errcode(), "M_BAD_JSON");
        EXPECT_STREQ(error.what(), "Bad JSON value: a text isn't UTF-8");
    }
}

}  // namespace
