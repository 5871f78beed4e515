#include "fuzz/glob_reference.h"

#include <modapi/case_folding.h>
#include <modapi/glob.h>

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <string_view>

namespace {

using modapi::characters_without_case;
using modapi::Glob;

bool matches(const std::string& pattern, const std::string& text) {
    return Glob(characters_without_case(pattern)).matches(characters_without_case(text));
}
bool matches_words(const std::string& pattern, const std::string& text,
                   Glob::Wildcards wildcards = Glob::Wildcards::star_and_question_mark) {
    return Glob(characters_without_case(pattern), wildcards).matches_words(characters_without_case(text));
}

struct Example {
    const char* pattern;
    const char* text;
    bool whole;
    bool words;
};

TEST(GlobTest, MatchesAWholeTextOrAPartBetweenWordBoundaries) {
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
        EXPECT_EQ(matches(example.pattern, example.text), example.whole) << example.pattern << " and " << example.text;
        EXPECT_EQ(matches_words(example.pattern, example.text), example.words) << example.pattern << " in " << example.text;
    }
}

TEST(GlobTest, TakesALiteralAsItStands) {
    EXPECT_TRUE(matches_words("What?*", "oh what?* again", Glob::Wildcards::none));
    EXPECT_FALSE(matches_words("What?*", "oh what again", Glob::Wildcards::none));
}

TEST(GlobTest, IsRightForPatternsOverTheLengthOfASet) {
    for (const std::size_t length : {63U, 64U, 65U, 127U, 128U, 200U}) {
        const std::string text(length, 'a');
        EXPECT_TRUE(matches(text, text)) << length;
        EXPECT_FALSE(matches(text, text + "a")) << length;
        EXPECT_FALSE(matches_words(text + "b", text)) << length;
        EXPECT_TRUE(matches(text + "*", text + "zzz")) << length;
    }
}

TEST(GlobTest, StaysQuickWhereTryingAllWaysWouldNot) {
    std::string pattern;
    for (int part = 0; part < 300; ++part) pattern += "a?*";
    const std::string body(64 * 1024, 'a');
    EXPECT_FALSE(matches_words(pattern + "b", body));
}

TEST(GlobTest, TakesMillisecondsForWhatBacktrackingNeverEnds) {
    const std::string text(200, 'a');
    const auto begin = std::chrono::steady_clock::now();
    const Glob pattern(modapi::characters("*a*a*a*a*a*a*a*a*a*a*b"), Glob::Wildcards::star);
    for (int each = 0; each < 100; ++each) EXPECT_FALSE(pattern.matches(modapi::characters(text)));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1)) << "a hundred times";
}

std::u32string any_text(std::mt19937& random, std::u32string_view letters, std::size_t max_length) {
    std::u32string text(std::uniform_int_distribution<std::size_t>(0, max_length)(random), U' ');
    std::uniform_int_distribution<std::size_t> letter(0, letters.size() - 1);
    for (char32_t& character : text) character = letters[letter(random)];
    return text;
}

TEST(GlobTest, SaysOfAnyPatternAndTextWhatATableOfAllWaysSays) {
    std::mt19937 random(20261128);
    int matched = 0;
    for (int round = 0; round < 40'000; ++round) {
        const std::size_t max_length = round % 100 == 0 ? 200 : 12;
        const std::u32string pattern = any_text(random, U"ab*?\u00e4", max_length);
        const std::u32string text = any_text(random, U"ab\u00e4", max_length);
        const bool expected = fuzz::stands_for(pattern, text);
        matched += expected ? 1 : 0;
        ASSERT_EQ(Glob(pattern).matches(text), expected)
            << testing::PrintToString(pattern) << " and " << testing::PrintToString(text);
    }
    EXPECT_GT(matched, 1000) << "or it says nothing";
}

TEST(GlobTest, MayTakeAQuestionMarkForItself) {
    const Glob star(modapi::characters("a?*"), Glob::Wildcards::star);
    EXPECT_TRUE(star.matches(modapi::characters("a?bc")));
    EXPECT_FALSE(star.matches(modapi::characters("axbc")));
    EXPECT_FALSE(star.matches(modapi::characters("A?bc"))) << "case counts where nobody took it away";
}

TEST(CaseFolding, KeepsBytesThatAreNoText) {
    EXPECT_EQ(modapi::without_case("ÄB\xFF"), "äb\xFF");
    EXPECT_EQ(modapi::characters("\xFF").size(), 1U);
    EXPECT_NE(modapi::characters("\xFF"), modapi::characters("\xC3\xBF")) << "a byte isn't the character of its number";
}

}  // namespace
