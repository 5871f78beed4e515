#include "patience.h"
#include "room_test.h"

#include <algorithm>
#include <csignal>
#include <thread>

/// The ported InviteAutoAccepter in the server, over HTTP.
namespace {

using namespace homeserver_test;

class AutoAcceptInviteServer : public RoomTest {
protected:
    /// Of two workers, which share the requests, the main one accepts.
    AutoAcceptInviteServer()
        : RoomTest(
              "modules:\n"
              "  - module: synapse_auto_accept_invite.InviteAutoAccepter\n"
              "  - {module: probe.Probe, config: {name: a}}\n",
              2) {}

    [[nodiscard]] bool bob_joined(const std::string& room) const {
        return becomes_true([&] {
            const Answer answer = get("/joined_rooms", bob);
            const boost::json::array& rooms = answer.body.at("joined_rooms").as_array();
            return std::find(rooms.begin(), rooms.end(), boost::json::value(room)) != rooms.end();
        });
    }
    /// Whether bob's list of direct rooms with alice gets that long.
    [[nodiscard]] bool direct_rooms_become(std::size_t count) const {
        return becomes_true([&] {
            const Answer answer = get("/user/@bob:hs.test/account_data/m.direct", bob);
            const boost::json::value* const rooms = answer.body.if_contains("@alice:hs.test");
            return rooms != nullptr && rooms->as_array().size() == count;
        });
    }

    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");

private:
    template <class Condition>
    static bool becomes_true(Condition&& condition) {
        for (const Patience patience; patience.is_left();) {
            if (condition()) return true;
        }
        return false;
    }
};

TEST_F(AutoAcceptInviteServer, AnInvitedUserIsInTheRoomWithoutDoingAnything) {
    const std::string room = create_room(alice, R"({"preset":"private_chat","invite":["@bob:hs.test"]})");
    EXPECT_TRUE(bob_joined(room));
    EXPECT_EQ(get("/user/@bob:hs.test/account_data/m.direct", bob).status, 404);
}

TEST_F(AutoAcceptInviteServer, ADirectRoomIsMarkedInTheAccountData) {
    const std::string room = create_room(alice, R"({"is_direct":true,"invite":["@bob:hs.test"]})");
    EXPECT_TRUE(bob_joined(room));
    EXPECT_TRUE(direct_rooms_become(1));
}

TEST_F(AutoAcceptInviteServer, DirectInvitesAtTheSameTimeAreAllMarked) {
    constexpr int inviters = 4;
    constexpr int rooms_each = 5;
    std::vector<std::thread> threads;
    for (int inviter = 0; inviter < inviters; ++inviter) {
        threads.emplace_back([this] {
            for (int room = 0; room < rooms_each; ++room)
                static_cast<void>(create_room(alice, R"({"is_direct":true,"invite":["@bob:hs.test"]})"));
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_TRUE(direct_rooms_become(std::size_t(inviters) * rooms_each));
}

TEST_F(AutoAcceptInviteServer, AJoinThatIsDeniedIsLoggedAndDoesntKeepTheServerFromStopping) {
    static_cast<void>(server.register_user("nojoin1"));
    const std::string room = create_room(alice, R"({"invite":["@nojoin1:hs.test"]})");
    EXPECT_TRUE(server.log_shows("@nojoin1:hs.test couldn't join " + room + ": Not allowed to join this room"));
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
}

}  // namespace
