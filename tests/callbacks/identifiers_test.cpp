#include <callbacks/errors.h>
#include <callbacks/identifiers.h>

#include <gtest/gtest.h>

namespace {

using callbacks::RoomAlias;
using callbacks::RoomID;
using callbacks::SynapseError;
using callbacks::UserID;

template <class Function>
SynapseError error_of(Function&& function) {
    try {
        function();
    } catch (const SynapseError& error) {
        return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return SynapseError(0, "");
}

TEST(Identifier, IsTakenApartAtItsFirstColon) {
    const UserID user("@alice:example.org:8448");
    EXPECT_EQ(user.localpart(), "alice");
    EXPECT_EQ(user.domain(), "example.org:8448");
    EXPECT_EQ(user.to_string(), "@alice:example.org:8448");
    EXPECT_EQ(RoomAlias("#room:test").localpart(), "room");
    EXPECT_EQ(RoomID("!abc:test").domain(), "test");
}

TEST(Identifier, OfAnotherKindIsRefusedWithItsSigil) {
    const SynapseError error = error_of([] { UserID("!room:test"); });
    EXPECT_EQ(error.status(), 400);
    EXPECT_EQ(error.errcode(), "M_INVALID_PARAM");
    EXPECT_STREQ(error.what(), "Expected UserID string to start with '@'");
    EXPECT_STREQ(error_of([] { RoomAlias(""); }).what(), "Expected RoomAlias string to start with '#'");
}

TEST(Identifier, WithoutADomainIsRefused) {
    EXPECT_STREQ(error_of([] { UserID("@alice"); }).what(), "Expected UserID of the form '@localname:domain'");
    EXPECT_STREQ(error_of([] { UserID("@alice:"); }).what(), "Expected UserID of the form '@localname:domain'");
}

TEST(Identifier, IsAValue) {
    EXPECT_EQ(UserID("@a:t"), UserID("@a:t"));
    EXPECT_LT(UserID("@a:t"), UserID("@b:t"));
}

TEST(DomainOf, IsWhatStandsBehindTheFirstColon) {
    EXPECT_EQ(callbacks::domain_of("@a:b:c"), "b:c");
    EXPECT_EQ(callbacks::domain_of("nothing"), "");
    EXPECT_EQ(callbacks::localpart_of("@alice:test"), "alice");
    EXPECT_EQ(callbacks::localpart_of(":test"), "");
    EXPECT_EQ(callbacks::localpart_of("alice"), "");
}

}  // namespace
