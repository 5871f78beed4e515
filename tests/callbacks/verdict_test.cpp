#include <callbacks/verdict.h>

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace {

using callbacks::allowed_if;
using callbacks::Codes;
using callbacks::EventVerdict;
using callbacks::JsonDict;
using callbacks::MediaVerdict;
using callbacks::NOT_SPAM;
using callbacks::reject;
using callbacks::spam_if;
using callbacks::Verdict;

TEST(Verdict, OfNotSpamPasses) {
    const Verdict verdict = NOT_SPAM;
    EXPECT_FALSE(verdict.is_spam());
    EXPECT_TRUE(verdict == NOT_SPAM);
}

TEST(Verdict, OfACodeRejectsWithItAndTheHostsText) {
    const Verdict verdict = Codes::CONSENT_NOT_GIVEN;
    EXPECT_TRUE(verdict.is_spam());
    EXPECT_FALSE(verdict == NOT_SPAM);
    EXPECT_EQ(verdict.errcode(), "M_CONSENT_NOT_GIVEN");
    EXPECT_EQ(verdict.text(), std::nullopt);
    EXPECT_TRUE(verdict.additional_fields().empty());
}

TEST(Verdict, CarriesFieldsForTheErrorsBody) {
    const Verdict verdict(Codes::FORBIDDEN, JsonDict{{"org.example.by", "a"}});
    EXPECT_EQ(verdict.errcode(), "M_FORBIDDEN");
    EXPECT_EQ(verdict.additional_fields(), (JsonDict{{"org.example.by", "a"}}));
    EXPECT_FALSE(verdict.fields_were_ignored());
}

TEST(Verdict, IgnoresFieldsThatAreTheErrorsOwn) {
    const Verdict verdict(Codes::FORBIDDEN, JsonDict{{"errcode", "X"}, {"error", "y"}, {"z", 1}});
    EXPECT_EQ(verdict.errcode(), "M_FORBIDDEN");
    EXPECT_EQ(verdict.additional_fields(), (JsonDict{{"z", 1}}));
    EXPECT_TRUE(verdict.fields_were_ignored());
}

TEST(Verdict, OfRejectHasAnErrcodeAndATextOfTheModulesOwn) {
    const Verdict verdict = reject("ORG_EXAMPLE_NO", "not here", JsonDict{{"why", "rules"}});
    EXPECT_TRUE(verdict.is_spam());
    EXPECT_EQ(verdict.errcode(), "ORG_EXAMPLE_NO");
    EXPECT_EQ(verdict.text(), "not here");
    EXPECT_EQ(verdict.additional_fields(), (JsonDict{{"why", "rules"}}));
}

TEST(Verdict, OfRejectMayLeaveTheTextToTheHost) {
    const Verdict verdict = reject("ORG_EXAMPLE_NO", std::nullopt, JsonDict());
    EXPECT_TRUE(verdict.is_spam());
    EXPECT_EQ(verdict.errcode(), "ORG_EXAMPLE_NO");
    EXPECT_EQ(verdict.text(), std::nullopt);
}

TEST(Verdict, OfABooleanIsSaidInTheFormThatIsMeant) {
    EXPECT_TRUE(spam_if(true).is_spam());
    EXPECT_FALSE(spam_if(false).is_spam());
    EXPECT_FALSE(allowed_if(true).is_spam());
    EXPECT_EQ(allowed_if(false).errcode(), "M_FORBIDDEN");
}

TEST(Verdict, HasFieldsThatCanBeSent) {
    const auto fields = [] {
        callbacks::JsonDict made;
        made["number"] = std::nan("");
        return made;
    };
    EXPECT_THROW(Verdict(Codes::FORBIDDEN, fields()), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(callbacks::reject("ORG_EXAMPLE", "no", fields())), std::invalid_argument);
}

TEST(Verdict, IsTwoWordsWide) { EXPECT_LE(sizeof(Verdict), 2 * sizeof(void*)); }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

TEST(EventVerdict, TakesTheDeprecatedForms) {
    EXPECT_TRUE(EventVerdict(true).is_spam());
    EXPECT_EQ(EventVerdict(true).errcode(), "M_FORBIDDEN");
    EXPECT_FALSE(EventVerdict(false).is_spam());
    EXPECT_EQ(EventVerdict("no thanks").text(), "no thanks");
    EXPECT_EQ(EventVerdict(std::string("no thanks")).errcode(), "M_FORBIDDEN");
}

TEST(MediaVerdict, TakesTheDeprecatedBoolean) {
    EXPECT_TRUE(MediaVerdict(true).is_spam());
    EXPECT_FALSE(MediaVerdict(false).is_spam());
}

#pragma GCC diagnostic pop

}  // namespace
