#include "admin_server.h"

#include <gmock/gmock.h>

#include <fstream>

/// The ported DomainRuleChecker in the server, over HTTP.
namespace {

using namespace homeserver_test;

constexpr const char* rules = R"(modules:
  - module: synapse_domain_rule_checker.DomainRuleChecker
    config:
      can_invite_if_not_in_domain_mapping: false
      domain_mapping: {hs.test: [hs.test, rival.test]}
      can_only_join_rooms_with_invite: true
      domains_prevented_from_being_invited_to_published_rooms: [rival.test]
)";

class DomainRuleCheckerServer : public AdminServer {
protected:
    DomainRuleCheckerServer() : AdminServer(rules) {}
    [[nodiscard]] Answer invite(const std::string& invitee, const std::string& token) const {
        return post("/rooms/" + room + "/invite", R"({"user_id":")" + invitee + R"("})", token);
    }
    [[nodiscard]] Answer set_visibility(const std::string& visibility) const {
        return put("/directory/list/room/" + room, R"({"visibility":")" + visibility + R"("})", alice);
    }

    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
};

constexpr const char* no_invites = "Invites have been disabled on this server";

TEST_F(DomainRuleCheckerServer, InvitesFollowTheMappingAndThePublicList) {
    EXPECT_EQ(invite("@bob:hs.test", alice).status, 200);
    expect_error(invite("@eve:elsewhere.test", alice), 403, "M_FORBIDDEN", no_invites);
    ASSERT_EQ(set_visibility("public").status, 200);
    expect_error(invite("@r1:rival.test", alice), 403, "M_FORBIDDEN", no_invites);
    ASSERT_EQ(set_visibility("private").status, 200);
    EXPECT_NE(invite("@r1:rival.test", alice).text("error"), no_invites);
}

TEST_F(DomainRuleCheckerServer, JoiningNeedsAnInvite) {
    expect_error(post("/join/" + room, "{}", bob), 403, "M_FORBIDDEN", "Not allowed to join this room");
    ASSERT_EQ(invite("@bob:hs.test", alice).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
}

TEST_F(DomainRuleCheckerServer, ServerAdminsArentAsked) {
    EXPECT_EQ(post("/join/" + room, "{}", root).status, 200);
    EXPECT_NE(invite("@eve:elsewhere.test", root).text("error"), no_invites);
}

TEST(DomainRuleCheckerStart, IsRefusedWithoutTheRequiredKey) {
    const TemporaryFolder folder;
    std::ofstream(folder.path() / "homeserver.yaml")
        << "server_name: hs.test\nmodules:\n  - module: synapse_domain_rule_checker.DomainRuleChecker\n    config: {}\n";
    const FinishedRun run = run_program(folder.path(), {"--config", (folder.path() / "homeserver.yaml").string()});
    EXPECT_EQ(run.status, 1);
    EXPECT_THAT(run.errors, testing::HasSubstr("modules[0].config.can_invite_if_not_in_domain_mapping: is required (module "
                                               "synapse_domain_rule_checker.DomainRuleChecker)"));
}

}  // namespace
