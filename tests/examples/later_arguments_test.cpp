#include "federation_peer.h"
#include "room_test.h"

#include <string>

/// What callbacks are given since later versions of the contract, over real HTTP, with a module that keeps it.
namespace {

using namespace homeserver_test;
using boost::json::object;

class LaterArgumentsTest : public RoomTest {
protected:
    LaterArgumentsTest()
        : RoomTest(FederationPeer::configuration() + "modules: [{module: noticing.Noticing, config: {}}]\n"
                                                     "user_directory: {search_all_users: true}\n") {}

    /// What the callback was given since this was asked before, by whatever call came last.
    [[nodiscard]] boost::json::value last_given(const std::string& callback) const {
        const Answer answer = server.request("GET", "/_synapse/client/noticing");
        const boost::json::value* const given = answer.body.if_contains(callback);
        return given != nullptr ? given->as_array().back() : boost::json::value();
    }

    std::string alice = server.register_user("alice");
};

TEST_F(LaterArgumentsTest, ANewRoomsWholeRequestIsShownToModules) {
    const std::string room = create_room(alice, R"({"name":"Garden","preset":"public_chat","org.example.more":[1]})");
    EXPECT_EQ(last_given("user_may_create_room"),
              boost::json::parse(R"({"name":"Garden","preset":"public_chat","org.example.more":[1]})"));
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.name", alice).text("name"), "Garden") << "a module changes a copy only";
}

TEST_F(LaterArgumentsTest, AResultOfASearchIsShownWithWhoSearches) {
    static_cast<void>(server.register_user("bob"));
    EXPECT_EQ(post("/user_directory/search", R"({"search_term":"bob"})", alice).status, 200);
    EXPECT_EQ(last_given("check_username_for_spam"), "@bob:hs.test for @alice:hs.test");
}

TEST_F(LaterArgumentsTest, AStateEventOfAnyTypeIsShownWithItsContentBeforeAnythingElseIsLookedAt) {
    const std::string room = create_room(alice);
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"Roses"})", alice).status, 200);
    EXPECT_EQ(last_given("user_may_send_state_event"), boost::json::parse(R"({"topic":"Roses"})"));
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "Roses") << "a module changes a copy only";
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.member/@alice:hs.test", R"({"membership":"join","is":1})", alice).status, 200);
    EXPECT_EQ(last_given("user_may_send_state_event"), boost::json::parse(R"({"membership":"join","is":1})"));
    const std::string mallory = server.register_user("mallory");
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"Weeds"})", mallory).status, 403);
    EXPECT_EQ(last_given("user_may_send_state_event"), boost::json::parse(R"({"topic":"Weeds"})"));
}

TEST_F(LaterArgumentsTest, ACodeWithFieldsDeniesAStateEventByForbiddenAndWithoutThemAndIsWarnedAbout) {
    const std::string room = create_room(alice);
    const Answer denied = put("/rooms/" + room + "/state/m.room.topic", R"({"refuse with fields":1})", alice);
    expect_error(denied, 403, "M_FORBIDDEN", "You are not permitted to send the state event");
    EXPECT_FALSE(denied.body.contains("refuse with fields"));
    EXPECT_TRUE(server.log_shows("module noticing.Noticing: user_may_send_state_event answered with fields that its error can't "
                                 "have, which are ignored"));
}

TEST_F(LaterArgumentsTest, AnInviteOfAnotherServerIsShownWithTheRoomsStrippedState) {
    object pdu;
    pdu["room_id"] = "!outside:peer.test";
    pdu["type"] = "m.room.member";
    pdu["sender"] = "@carol:peer.test";
    pdu["state_key"] = "@alice:hs.test";
    pdu["content"] = object({{"membership", "invite"}});
    pdu["origin_server_ts"] = 1;
    pdu["depth"] = 5;
    pdu["prev_events"] = boost::json::array({"$before"});
    pdu["auth_events"] = boost::json::array({"$create"});
    FederationPeer::sign(pdu);
    const std::string target = "/_matrix/federation/v2/invite/!outside:peer.test/" + FederationPeer::id_of(pdu);
    const boost::json::value name =
        boost::json::parse(R"({"type":"m.room.name","state_key":"","sender":"@carol:peer.test","content":{"name":"Out"}})");
    object body;
    body["room_version"] = "10";
    body["invite_room_state"] = boost::json::array({name});
    body["event"] = std::move(pdu);
    const FederationPeer peer(server);
    EXPECT_EQ(peer.ask("PUT", target, boost::json::serialize(body)).status, 200);
    const Answer given = server.request("GET", "/_synapse/client/noticing");
    for (const char* const callback : {"should_drop_federated_event", "federated_user_may_invite"})
        EXPECT_EQ(given.body.at(callback).as_array().back().at("invite_room_state"), boost::json::array({name})) << callback;
}

TEST_F(LaterArgumentsTest, WhyAnEventWasRedactedIsInItBeforeModulesAddTheirFields) {
    const std::string room = create_room(alice);
    const std::string event = send(room, "oops", alice).text("event_id");
    const auto is_redacted = [&] {
        return get("/rooms/" + room + "/event/" + event, alice).body.at("unsigned").at("org.example.is_redacted").as_bool();
    };
    EXPECT_FALSE(is_redacted());
    EXPECT_EQ(put("/rooms/" + room + "/redact/" + event + "/t", R"({"reason":"oops"})", alice).status, 200);
    EXPECT_TRUE(is_redacted());
}

TEST_F(LaterArgumentsTest, WhatAFilterLeavesOfAnEventIsDecidedAfterModulesAddedTheirFields) {
    const std::string room = create_room(alice);
    EXPECT_EQ(send(room, "hello", alice).status, 200);
    const auto timeline = [&](const std::string& fields) {
        const Answer sync = get("/sync?filter=%7B%22event_fields%22:%5B" + fields + "%5D%7D", alice);
        return sync.body.at("rooms").at("join").at(room).at("timeline").at("events").as_array().back().as_object();
    };
    EXPECT_TRUE(timeline("%22unsigned%22").at("unsigned").as_object().contains("org.example.is_redacted"));
    EXPECT_FALSE(timeline("%22content%22").contains("unsigned"));
}

}  // namespace
