#include <callbacks/codes.h>

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace {

using callbacks::Codes;

TEST(Codes, HaveTheTextThatClientsSee) {
    EXPECT_EQ(errcode_of(Codes::UNRECOGNIZED), "M_UNRECOGNIZED");
    EXPECT_EQ(errcode_of(Codes::FORBIDDEN), "M_FORBIDDEN");
    EXPECT_EQ(errcode_of(Codes::CONSENT_NOT_GIVEN), "M_CONSENT_NOT_GIVEN");
    EXPECT_EQ(errcode_of(Codes::DUPLICATE_ANNOTATION), "M_DUPLICATE_ANNOTATION");
}

TEST(Codes, OfUnstableFeaturesKeepTheirPrefixes) {
    EXPECT_EQ(errcode_of(Codes::EXPIRED_ACCOUNT), "ORG_MATRIX_EXPIRED_ACCOUNT");
    EXPECT_EQ(errcode_of(Codes::USER_LOCKED), "ORG_MATRIX_MSC3939_USER_LOCKED");
    EXPECT_EQ(errcode_of(Codes::USER_ACCOUNT_SUSPENDED), "ORG.MATRIX.MSC3823.USER_ACCOUNT_SUSPENDED");
    EXPECT_EQ(errcode_of(Codes::INSUFFICIENT_POWER), "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER");
    EXPECT_EQ(errcode_of(Codes::UNABLE_AUTHORISE_JOIN), "M_UNABLE_TO_AUTHORISE_JOIN");
    EXPECT_EQ(errcode_of(Codes::UNREDACTED_CONTENT_DELETED), "FI.MAU.MSC2815_UNREDACTED_CONTENT_DELETED");
    EXPECT_EQ(errcode_of(Codes::UNABLE_DUE_TO_PARTIAL_STATE), "ORG.MATRIX.MSC3895_UNABLE_DUE_TO_PARTIAL_STATE");
    EXPECT_EQ(errcode_of(Codes::USER_AWAITING_APPROVAL), "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL");
    EXPECT_EQ(errcode_of(Codes::AS_PING_URL_NOT_SET), "M_URL_NOT_SET");
    EXPECT_EQ(errcode_of(Codes::AS_PING_CONNECTION_FAILED), "M_CONNECTION_FAILED");
}

TEST(Codes, AreAllDifferent) {
    std::set<std::string_view> names;
    const int count = static_cast<int>(Codes::AS_PING_CONNECTION_FAILED) + 1;
    for (int code = 0; code < count; ++code) names.insert(errcode_of(static_cast<Codes>(code)));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
    EXPECT_FALSE(names.contains(""));
}

}  // namespace
