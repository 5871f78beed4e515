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
    EXPECT_EQ(errcode_of(Codes::INSUFFICIENT_POWER), "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER");
    EXPECT_EQ(errcode_of(Codes::UNABLE_AUTHORISE_JOIN), "M_UNABLE_TO_AUTHORISE_JOIN");
    EXPECT_EQ(errcode_of(Codes::UNREDACTED_CONTENT_DELETED), "FI.MAU.MSC2815_UNREDACTED_CONTENT_DELETED");
    EXPECT_EQ(errcode_of(Codes::UNABLE_DUE_TO_PARTIAL_STATE), "ORG.MATRIX.MSC3895_UNABLE_DUE_TO_PARTIAL_STATE");
    EXPECT_EQ(errcode_of(Codes::USER_AWAITING_APPROVAL), "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL");
    EXPECT_EQ(errcode_of(Codes::AS_PING_URL_NOT_SET), "M_URL_NOT_SET");
    EXPECT_EQ(errcode_of(Codes::AS_PING_CONNECTION_FAILED), "M_CONNECTION_FAILED");
    EXPECT_EQ(errcode_of(Codes::APPSERVICE_LOGIN_UNSUPPORTED), "IO.ELEMENT.MSC4190.M_APPSERVICE_LOGIN_UNSUPPORTED");
    EXPECT_EQ(errcode_of(Codes::MSC4306_NOT_IN_THREAD), "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD");
    EXPECT_EQ(errcode_of(Codes::UNKNOWN_DEVICE), "ORG.MATRIX.MSC4326.M_UNKNOWN_DEVICE");
}

TEST(Codes, ThatCameAfter1106HaveTheirLaterText) {
    EXPECT_EQ(errcode_of(Codes::USER_LOCKED), "M_USER_LOCKED");
    EXPECT_EQ(errcode_of(Codes::USER_ACCOUNT_SUSPENDED), "M_USER_SUSPENDED");
    EXPECT_EQ(errcode_of(Codes::THREEPID_MEDIUM_NOT_SUPPORTED), "M_THREEPID_MEDIUM_NOT_SUPPORTED");
    EXPECT_EQ(errcode_of(Codes::UNKNOWN_POS), "M_UNKNOWN_POS");
    EXPECT_EQ(errcode_of(Codes::PROFILE_TOO_LARGE), "M_PROFILE_TOO_LARGE");
    EXPECT_EQ(errcode_of(Codes::KEY_TOO_LARGE), "M_KEY_TOO_LARGE");
    EXPECT_EQ(errcode_of(Codes::INVITE_BLOCKED), "M_INVITE_BLOCKED");
}

TEST(Codes, AreAllDifferent) {
    std::set<std::string_view> names;
    const int count = static_cast<int>(Codes::UNKNOWN_DEVICE) + 1;
    for (int code = 0; code < count; ++code) names.insert(errcode_of(static_cast<Codes>(code)));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
    EXPECT_FALSE(names.contains(""));
}

}  // namespace
