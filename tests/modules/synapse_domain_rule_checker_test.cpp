#include "../../examples/modules/synapse_domain_rule_checker/synapse_domain_rule_checker.h"

#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <gmock/gmock.h>

namespace {

using callbacks::Verdict;
using modapi::testing::Answer;
using modapi::testing::Host;

const std::string room = "!hall:example.org";
const std::string alice = "@alice:example.org";

class DomainRuleCheckerTest : public testing::Test {
protected:
    DomainRuleCheckerTest() {
        host.server.add_user(alice);
        host.server.add_room(room, alice);
    }
    void load(const std::string& config) { host.load<DomainRuleChecker>(config); }
    [[nodiscard]] Answer<Verdict> invite(const std::string& inviter, const std::string& invitee,
                                         const std::string& room_id = room) {
        return host.call(host.hooks().spam_checker.user_may_invite, inviter, invitee, room_id);
    }
    [[nodiscard]] Answer<Verdict> invite_address(const std::string& inviter, const std::string& room_id = room) {
        return host.call(host.hooks().spam_checker.user_may_send_3pid_invite, inviter, "email", "bob@two", room_id);
    }
    [[nodiscard]] Answer<Verdict> join(bool is_invited) {
        return host.call(host.hooks().spam_checker.user_may_join_room, alice, room, is_invited);
    }

    Host host;
};

const std::string mapping = "domain_mapping: {one: [target1, target2], two: [target2]}";

TEST_F(DomainRuleCheckerTest, TheMappingSaysWhichServersMayBeInvitedFromWhere) {
    load("{can_invite_if_not_in_domain_mapping: true, " + mapping + "}");
    EXPECT_TRUE(is_not_spam(invite("@a:one", "@b:target1")));
    EXPECT_TRUE(is_not_spam(invite("@a:one", "@b:target2")));
    EXPECT_TRUE(is_not_spam(invite("@a:two", "@b:target2")));
    EXPECT_TRUE(is_spam(invite("@a:two", "@b:target1"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite("@a:one", "@b:three"), "M_FORBIDDEN"));
}

TEST_F(DomainRuleCheckerTest, TheRequiredKeyDecidesForServersThatTheMappingDoesntHave) {
    load("{can_invite_if_not_in_domain_mapping: true, " + mapping + "}");
    EXPECT_TRUE(is_not_spam(invite("@a:three", "@b:target1")));
    EXPECT_TRUE(is_not_spam(invite("@a:three", "@b:anywhere")));
    Host strict;
    strict.load<DomainRuleChecker>("{can_invite_if_not_in_domain_mapping: false, " + mapping + "}");
    const auto& user_may_invite = strict.hooks().spam_checker.user_may_invite;
    EXPECT_TRUE(is_spam(strict.call(user_may_invite, "@a:three", "@b:target1", room), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(strict.call(user_may_invite, "@a:one", "@b:target1", room)));
}

TEST_F(DomainRuleCheckerTest, UsersOfOneServerMayInviteEachOtherOnlyIfTheMappingSaysSo) {
    load("{can_invite_if_not_in_domain_mapping: false, domain_mapping: {one: [one], two: [one]}}");
    EXPECT_TRUE(is_not_spam(invite("@a:one", "@b:one")));
    EXPECT_TRUE(is_spam(invite("@a:two", "@b:two"), "M_FORBIDDEN"));
}

TEST_F(DomainRuleCheckerTest, APortBelongsToTheServersName) {
    load("{can_invite_if_not_in_domain_mapping: false, domain_mapping: {'one:8448': ['two:8448']}}");
    EXPECT_TRUE(is_not_spam(invite("@a:one:8448", "@b:two:8448")));
    EXPECT_TRUE(is_spam(invite("@a:one:8448", "@b:two"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite("@a:one", "@b:two:8448"), "M_FORBIDDEN"));
}

TEST_F(DomainRuleCheckerTest, AnIdWithoutAServerIsAnError) {
    load("{can_invite_if_not_in_domain_mapping: true}");
    EXPECT_TRUE(invite("@alice", "@b:two").failed());
    EXPECT_TRUE(invite("@a:one", "@bob").failed());
}

TEST_F(DomainRuleCheckerTest, APreventedServerStaysOutOfARoomAsLongAsThatIsInThePublicList) {
    load("{can_invite_if_not_in_domain_mapping: true, domains_prevented_from_being_invited_to_published_rooms: [target2]}");
    EXPECT_TRUE(is_not_spam(invite(alice, "@b:target2")));
    host.server.room(room).is_public = true;
    EXPECT_TRUE(is_spam(invite(alice, "@b:target2"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(invite(alice, "@b:target1")));
    host.server.room(room).is_public = false;
    EXPECT_TRUE(is_not_spam(invite(alice, "@b:target2")));
    EXPECT_TRUE(is_not_spam(invite(alice, "@b:target2", "!unknown:two"))) << "what isn't known here isn't in the list";
}

const std::string only_during_creation =
    "{can_invite_if_not_in_domain_mapping: true, can_only_invite_during_room_creation: true}";

TEST_F(DomainRuleCheckerTest, ARoomIsNewUntilSomebodyElseJoins) {
    load(only_during_creation);
    EXPECT_TRUE(is_not_spam(invite(alice, "@b:two")));
    host.server.set_member(room, "@b:two", "invite", alice);
    EXPECT_TRUE(is_not_spam(invite(alice, "@c:two"))) << "the creator's second invite";
    EXPECT_TRUE(is_not_spam(invite_address(alice)));
    host.server.set_member(room, "@b:two", "join", "@b:two");
    EXPECT_TRUE(is_spam(invite(alice, "@c:two"), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_address(alice), "M_FORBIDDEN"));
}

TEST_F(DomainRuleCheckerTest, WhatTheCreatorDoesAndInvitesOfOthersLeaveARoomNew) {
    load(only_during_creation);
    host.server.set_member(room, "@b:two", "ban", alice);
    host.server.set_member(room, "@c:two", "invite", "@b:two");
    host.server.set_member(room, alice, "leave", "@b:two");
    EXPECT_TRUE(is_not_spam(invite(alice, "@d:two")));
    host.server.set_member(room, "@c:two", "leave", "@c:two");
    EXPECT_TRUE(is_spam(invite(alice, "@d:two"), "M_FORBIDDEN"));
}

TEST_F(DomainRuleCheckerTest, OnlyLocalInvitersAreHeldToTheCreation) {
    load(only_during_creation);
    host.server.set_member(room, "@b:two", "join", "@b:two");
    EXPECT_TRUE(is_not_spam(invite("@b:two", alice)));
    EXPECT_TRUE(is_not_spam(invite("@b:two", alice, "!unknown:two")));
    EXPECT_TRUE(is_spam(invite(alice, "@c:two"), "M_FORBIDDEN"));
}

TEST_F(DomainRuleCheckerTest, ARoomOfWhichNothingIsKnownIsNotNew) {
    load(only_during_creation);
    EXPECT_TRUE(is_spam(invite(alice, "@b:two", "!unknown:two"), "M_FORBIDDEN"));
}

TEST_F(DomainRuleCheckerTest, InvitesByAddressFollowTheirSwitchWhateverTheMappingSays) {
    load(
        "{can_invite_if_not_in_domain_mapping: true, can_invite_by_third_party_id: false, domain_mapping: {example.org: "
        "[two]}}");
    EXPECT_TRUE(is_spam(invite_address(alice), "M_FORBIDDEN"));
    EXPECT_TRUE(is_spam(invite_address("@a:one"), "M_FORBIDDEN"));
    Host open;
    open.load<DomainRuleChecker>("{can_invite_if_not_in_domain_mapping: false}");
    EXPECT_TRUE(is_not_spam(open.call(open.hooks().spam_checker.user_may_send_3pid_invite, alice, "email", "bob@two", room)));
}

TEST_F(DomainRuleCheckerTest, JoiningNeedsAnInviteOnlyWithTheSwitchOn) {
    load("{can_invite_if_not_in_domain_mapping: true}");
    EXPECT_TRUE(is_not_spam(join(false)));
    Host closed;
    closed.load<DomainRuleChecker>("{can_invite_if_not_in_domain_mapping: true, can_only_join_rooms_with_invite: true}");
    const auto& user_may_join_room = closed.hooks().spam_checker.user_may_join_room;
    EXPECT_TRUE(is_spam(closed.call(user_may_join_room, alice, room, false), "M_FORBIDDEN"));
    EXPECT_TRUE(is_not_spam(closed.call(user_may_join_room, alice, room, true)));
}

/// What keeps the module from being loaded.
std::string mistake_in(const std::string& config) {
    Host host;
    try {
        host.load<DomainRuleChecker>(config);
    } catch (const modapi::ConfigurationError& error) {
        return error.what();
    }
    return "no mistake";
}

TEST(DomainRuleCheckerConfiguration, MistakesAreNamedWithTheirPlace) {
    using testing::HasSubstr;
    EXPECT_THAT(mistake_in("{}"), HasSubstr("modules[0].config.can_invite_if_not_in_domain_mapping: is required"));
    EXPECT_THAT(mistake_in("{can_invite_if_not_in_domain_mapping: maybe}"),
                HasSubstr("modules[0].config.can_invite_if_not_in_domain_mapping: must be a boolean"));
    EXPECT_THAT(mistake_in("{can_invite_if_not_in_domain_mapping: true, domain_mapping: {one: two}}"),
                HasSubstr("modules[0].config.domain_mapping.one: must be a list"));
    EXPECT_THAT(mistake_in("{can_invite_if_not_in_domain_mapping: true, domain_maping: {}}"),
                HasSubstr("modules[0].config.domain_maping: is not a known key"));
}

}  // namespace
