#include "patience.h"
#include "room_test.h"

#include <csignal>
#include <optional>

/// The port of mjolnir.Module in the server, on two workers.
namespace {

using namespace homeserver_test;

class PolicyListTest : public RoomTest {
protected:
    PolicyListTest() {
        moderator = server.register_user("moderator");
        mallory = server.register_user("mallory");
        static_cast<void>(server.register_user("bob"));
        list = create_room(moderator);
        hall = create_room(mallory);
        const Answer rule = put("/rooms/" + list + "/state/m.policy.rule.user/old", ban("@trudy:hs.test"), moderator);
        EXPECT_EQ(rule.status, 200) << rule.body;
        server.signal(SIGTERM);
        EXPECT_EQ(server.wait(), 0);
        with_lists.emplace(folder.path(),
                           "enable_registration: true\nenable_registration_without_verification: true\nworkers: 2\n"
                           "modules:\n  - module: mjolnir.Module\n    config:\n      ban_lists: [\"" +
                               list + "\", \"!unknown:hs.test\"]\n      message_max_length: {threshold: 510}\n");
    }

    static std::string ban(const std::string& entity) {
        return boost::json::serialize(boost::json::object{{"entity", entity}, {"recommendation", "m.ban"}, {"reason", "spam"}});
    }
    [[nodiscard]] Answer set_rule(const std::string& content) const {
        return with_lists->request("PUT", client + "/rooms/" + list + "/state/m.policy.rule.user/a", content, moderator);
    }
    [[nodiscard]] Answer invite(const std::string& room, const std::string& token) const {
        return with_lists->request("POST", client + "/rooms/" + room + "/invite", R"({"user_id":"@bob:hs.test"})", token);
    }
    /// Whether mallory's invites come to be answered so by every worker: many times in a row.
    [[nodiscard]] bool invites_become(int status) const {
        constexpr int enough = 30;
        int in_a_row = 0;
        for (const Patience patience; patience.is_left() && in_a_row < enough;) {
            in_a_row = invite(hall, mallory).status == status ? in_a_row + 1 : 0;
        }
        return in_a_row == enough;
    }

    std::string moderator;
    std::string mallory;
    std::string list;
    std::string hall;
    std::optional<ServerProcess> with_lists;
};

TEST_F(PolicyListTest, ARuleSentWhileTheServerRunsHoldsOnAllWorkersUntilItIsWithdrawn) {
    EXPECT_TRUE(invites_become(200));
    EXPECT_EQ(set_rule(ban("@Mal*:hs.test")).status, 200);
    EXPECT_TRUE(invites_become(403));
    expect_error(invite(hall, mallory), 403, "M_FORBIDDEN", "Invites have been disabled on this server");
    EXPECT_EQ(set_rule("{}").status, 200);
    EXPECT_TRUE(invites_become(200));
}

TEST_F(PolicyListTest, ARedactedRuleHoldsNoLonger) {
    const std::string rule = set_rule(ban("@mallory:hs.test")).text("event_id");
    EXPECT_TRUE(invites_become(403));
    EXPECT_EQ(with_lists->request("PUT", client + "/rooms/" + list + "/redact/" + rule + "/r1", "{}", moderator).status, 200);
    EXPECT_TRUE(invites_become(200));
}

TEST_F(PolicyListTest, ReadsTheListsWhenItStartsAndGoesOnWithoutThoseItIsntIn) {
    EXPECT_TRUE(with_lists->log_shows("nobody of this server is in the list room !unknown:hs.test"));
    const std::string trudy = with_lists->register_user("trudy");
    const Answer room = with_lists->request("POST", client + "/createRoom", "{}", trudy);
    for (int count = 0; count < 30; ++count) EXPECT_EQ(invite(room.text("room_id"), trudy).status, 403);
}

TEST_F(PolicyListTest, MessagesOverTheLimitAreRefused) {
    const auto send_of_length = [&](std::size_t length) {
        const std::string content = R"({"msgtype":"m.text","body":")" + std::string(length, 'x') + R"("})";
        const std::string transaction = std::to_string(length);
        return with_lists->request("PUT", client + "/rooms/" + hall + "/send/m.room.message/" + transaction, content, mallory);
    };
    EXPECT_EQ(send_of_length(510).status, 200);
    expect_error(send_of_length(511), 403, "M_FORBIDDEN", "This message had been rejected as probable spam");
}

}  // namespace
