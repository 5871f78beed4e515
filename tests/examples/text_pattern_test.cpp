#include "push/text_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace {

using homeserver::TextPattern;

struct Example {
    const char* pattern;
    const char* text;
    bool whole;
    bool words;
};

TEST(TextPatternTest, MatchesAWholeTextOrAPartBetweenWordBoundaries) {
    const Example examples[] = {
        {"cake", "cake", true, true},
        {"cake", "CAKE", true, true},
        {"cake", "a cake, please", false, true},
        {"cake", "cakes", false, false},
        {"cake", "pancake", false, false},
        {"cake", "pan_cake", false, false},
        {"cake", "pan-cake", false, true},
        {"cake", "cakes cake", false, true},
        {"o o", "o o o", false, true},
        {"-", "a-b", false, true},
        {"cake*", "cakes", true, true},
        {"*cake", "pancake", true, true},
        {"c?ke", "coke", true, true},
        {"c?ke", "cke", false, false},
        {"c?ke", "cöke", true, true},
        {"c??ke", "cöke", false, false},
        {"?", "ö", true, true},
        {"a*b*c", "axxbyyc", true, true},
        {"a*b*c", "axxbyy", false, false},
        {"a*b*c", "see: axx byyc!", false, true},
        {"@room", "hey @room!", false, true},
        {"@room", "hey@room", false, true},
        {"*", "", true, true},
        {"", "", true, true},
        {"", "x", false, true},
        {"**", "anything", true, true},
        {"a.c", "abc", false, false},
        {"[a]", "a", false, false},
        {"m.room.message", "m.room.messages", false, false},
        {"Ünal", "hallo Ünal", false, true},
        {"Ünal", "hallo üNAL", false, true},
        {"οδος", "ΟΔΟΣ", true, true},
        {"ȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺȺ", "ⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥⱥ", true, true},
    };
    for (const Example& example : examples) {
        const TextPattern pattern(example.pattern);
        EXPECT_EQ(pattern.matches(example.text), example.whole) << example.pattern << " and " << example.text;
        EXPECT_EQ(pattern.matches_words(example.text), example.words) << example.pattern << " in " << example.text;
    }
}

TEST(TextPatternTest, TakesALiteralAsItStands) {
    EXPECT_TRUE(TextPattern::literal("What?*").matches_words("oh what?* again"));
    EXPECT_FALSE(TextPattern::literal("What?*").matches_words("oh what again"));
}

TEST(TextPatternTest, IsRightForPatternsOverTheLengthOfASet) {
    for (const std::size_t length : {63U, 64U, 65U, 127U, 128U, 200U}) {
        const std::string text(length, 'a');
        EXPECT_TRUE(TextPattern(text).matches(text)) << length;
        EXPECT_FALSE(TextPattern(text).matches(text + "a")) << length;
        EXPECT_FALSE(TextPattern(text + "b").matches_words(text)) << length;
        EXPECT_TRUE(TextPattern(text + "*").matches(text + "zzz")) << length;
    }
}

TEST(TextPatternTest, StaysQuickWhereTryingAllWaysWouldNot) {
    std::string pattern;
    for (int part = 0; part < 300; ++part) pattern += "a?*";
    const std::string body(64 * 1024, 'a');
    EXPECT_FALSE(TextPattern(pattern + "b").matches_words(body));
}

}  // namespace
