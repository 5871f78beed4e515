#include "room_test.h"
#include "patience.h"

#include <algorithm>
#include <memory>
#include <set>
#include <thread>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

TEST_F(RoomTest, ANewRoomHasItsStateInTheOrderOfTheSpecification) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice, R"({"name":"Lounge","topic":"talk"})");
    const Answer history = get("/rooms/" + room + "/messages?dir=f&limit=20", alice);
    Texts types;
    for (const boost::json::value& event : history.body.at("chunk").as_array())
        types.emplace_back(event.at("type").as_string());
    EXPECT_EQ(types, (Texts{"m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules",
                            "m.room.history_visibility", "m.room.guest_access", "m.room.name", "m.room.topic"}));
}

TEST_F(RoomTest, APublicChatLetsAnybodyButNoGuestsIn) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.join_rules", alice).text("join_rule"), "public");
    expect_error(get("/rooms/" + room + "/state/m.room.guest_access", alice), 404, "M_NOT_FOUND", "Event not found.");
    EXPECT_EQ(post("/join/" + room, "{}", bob).text("room_id"), room);
    EXPECT_EQ(send(room, "hello", bob).status, 200);
}

TEST_F(RoomTest, InitialStateWinsOverThePreset) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(
        alice, R"({"initial_state":[{"type":"m.room.history_visibility","content":{"history_visibility":"joined"}}]})");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.history_visibility", alice).text("history_visibility"), "joined");
}

TEST_F(RoomTest, ABadCreateRoomBodyStoresNothing) {
    const std::string alice = server.register_user("alice");
    expect_error(post("/createRoom", R"({"room_version":"9"})", alice), 400, "M_UNSUPPORTED_ROOM_VERSION",
                 "Your homeserver does not support this room version");
    EXPECT_EQ(post("/createRoom", R"({"preset":"no_such"})", alice).status, 400);
    EXPECT_EQ(post("/createRoom", R"({"visibility":"secret"})", alice).status, 400);
    EXPECT_EQ(post("/createRoom", R"({"initial_state":"x"})", alice).status, 400);
    EXPECT_EQ(post("/createRoom", R"({"invite":["no user id"]})", alice).status, 400);
    EXPECT_EQ(post("/createRoom", R"({"name":7})", alice).status, 400);
    EXPECT_TRUE(get("/joined_rooms", alice).body.at("joined_rooms").as_array().empty());
}

TEST_F(RoomTest, APrivateRoomTakesOnlyWhoIsInvited) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice);
    EXPECT_EQ(post("/rooms/" + room + "/join", "{}", bob).status, 403);
    expect_error(send(room, "hello", bob), 403, "M_FORBIDDEN", "User @bob:hs.test not in room " + room);
    EXPECT_EQ(post("/rooms/" + room + "/invite", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/join", "{}", bob).status, 200);
    EXPECT_EQ(send(room, "hello", bob).status, 200);
    const Answer members = get("/rooms/" + room + "/joined_members", alice);
    EXPECT_TRUE(members.body.at("joined").as_object().contains("@bob:hs.test"));
}

TEST_F(RoomTest, WhoSaysTheSameManyTimesAtOnceIsHeardEachTime) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string body = R"({"msgtype":"m.text","body":"hello"})";
    Texts paths;
    for (int number = 0; number < 40; ++number)
        paths.push_back("/rooms/" + room + "/send/m.room.message/same" + std::to_string(number));
    std::set<std::string> events;
    for (const std::string& answer : sent_at_once("PUT", paths, body, alice)) {
        EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK");
        events.insert(answer.substr(answer.find("{\"event_id\"")));
    }
    EXPECT_EQ(events.size(), 40U);
    EXPECT_EQ(get("/rooms/" + room + "/messages?dir=b&limit=40&filter=%7B%22types%22:%5B%22m.room.message%22%5D%7D", alice)
                  .body.at("chunk")
                  .as_array()
                  .size(),
              40U);
}

TEST_F(RoomTest, ARepeatedTransactionIsTheSameEvent) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string path = "/rooms/" + room + "/send/m.room.message/again";
    const Answer first = put(path, R"({"msgtype":"m.text","body":"once"})", alice);
    const Answer second = put(path, R"({"msgtype":"m.text","body":"once"})", alice);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(second.text("event_id"), first.text("event_id"));
    const Answer event = get("/rooms/" + room + "/event/" + first.text("event_id"), alice);
    EXPECT_EQ(event.body.at("unsigned").at("transaction_id"), "again");
    EXPECT_EQ(event.body.at("content").at("body"), "once");
}

TEST_F(RoomTest, StateIsKeptByTypeAndKeyAndRepeatingItChangesNothing) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string path = "/rooms/" + room + "/state/org.example.thing/a%20key";
    const Answer first = put(path, R"({"v":1})", alice);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(put(path, R"({"v":1})", alice).text("event_id"), first.text("event_id"));
    EXPECT_NE(put(path, R"({"v":2})", alice).text("event_id"), first.text("event_id"));
    EXPECT_EQ(get(path, alice).body.at("v"), 2);
    expect_error(get("/rooms/" + room + "/state/org.example.thing/other", alice), 404, "M_NOT_FOUND", "Event not found.");
}

TEST_F(RoomTest, PowerLevelsDecideWhoMayChangeState) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const Answer refused = put("/rooms/" + room + "/state/m.room.name", R"({"name":"mine"})", bob);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.text("errcode"), "M_FORBIDDEN");
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.name", R"({"name":"ours"})", alice).status, 200);
}

TEST_F(RoomTest, MessagesCanBePagedBackToTheBeginning) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    for (int number = 0; number < 25; ++number) EXPECT_EQ(send(room, "m" + std::to_string(number), alice).status, 200);
    Texts found;
    std::string from;
    for (int page = 0; page < 10; ++page) {
        const Answer answer = get("/rooms/" + room + "/messages?dir=b&limit=7" + from, alice);
        const Texts part = bodies(answer.body.at("chunk"));
        found.insert(found.end(), part.begin(), part.end());
        if (!answer.body.contains("end")) break;
        from = "&from=" + answer.text("end");
    }
    ASSERT_EQ(found.size(), 31U);
    EXPECT_EQ(found.front(), "m24");
    EXPECT_EQ(found[24], "m0");
    EXPECT_EQ(found.back(), "m.room.create");
}

TEST_F(RoomTest, AStrangerReadsTheHistoryOfARoomThatIsOpenToTheWorld) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(
        alice, R"({"initial_state":[{"type":"m.room.history_visibility","content":{"history_visibility":"world_readable"}}]})");
    for (int number = 0; number < 5; ++number) EXPECT_EQ(send(room, "m" + std::to_string(number), alice).status, 200);
    const std::string messages = "/rooms/" + room + "/messages?limit=2&filter=%7B%22types%22:%5B%22m.room.message%22%5D%7D&dir=";

    const Answer last = get(messages + "b", bob);
    EXPECT_EQ(bodies(last.body.at("chunk")), (Texts{"m4", "m3"}));
    const Answer before = get(messages + "b&from=" + last.text("end"), bob);
    EXPECT_EQ(bodies(before.body.at("chunk")), (Texts{"m2", "m1"}));
    EXPECT_EQ(bodies(get(messages + "f", bob).body.at("chunk")), (Texts{"m0", "m1"}));
    const Answer of_member = get(messages + "b", alice);
    EXPECT_EQ(last.text("start"), of_member.text("start"));
    EXPECT_EQ(last.text("end"), of_member.text("end"));
}

TEST_F(RoomTest, APageOfNoEventsSaysWhereToGoOn) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const Answer nothing = get("/rooms/" + room + "/messages?dir=b&limit=0", alice);
    EXPECT_EQ(bodies(nothing.body.at("chunk")), Texts());
    EXPECT_EQ(nothing.text("end"), nothing.text("start"));
    const Answer all = get("/rooms/" + room + "/messages?dir=b&limit=100&from=" + nothing.text("end"), alice);
    EXPECT_EQ(bodies(all.body.at("chunk")).size(), 6U);
    EXPECT_FALSE(all.body.contains("end"));
}

TEST_F(RoomTest, WhoNeverWasThereSeesNothing) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice);
    const Answer sent_event = send(room, "secret", alice);
    EXPECT_EQ(get("/rooms/" + room + "/messages?dir=b", bob).status, 403);
    EXPECT_EQ(get("/rooms/" + room + "/state", bob).status, 403);
    EXPECT_EQ(get("/rooms/" + room + "/members", bob).status, 403);
    EXPECT_EQ(get("/rooms/" + room + "/event/" + sent_event.text("event_id"), bob).status, 404);
}

TEST_F(RoomTest, KickedAndBannedUsersAreOut) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/kick", R"({"user_id":"@bob:hs.test","reason":"bye"})", alice).status, 200);
    EXPECT_EQ(send(room, "still here", bob).status, 403);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/ban", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 403);
    EXPECT_EQ(post("/rooms/" + room + "/unban", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
}

TEST_F(RoomTest, AnEventThatIsTooLargeIsRefused) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    expect_error(send(room, std::string(66000, 'x'), alice), 413, "M_TOO_LARGE", "event too large");
    const std::string type = "/rooms/" + room + "/state/org.example." + std::string(250, 'x');
    expect_error(put(type, "{}", alice), 413, "M_TOO_LARGE", "'type' too large");
}

TEST_F(RoomTest, WhatWasAcknowledgedIsThereAfterTheServerWasKilled) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const Answer sent_event = send(room, "remember me", alice);
    server.kill();
    const ServerProcess again(folder.path(), "enable_registration: false\n");
    const Answer event = again.request("GET", client + "/rooms/" + room + "/event/" + sent_event.text("event_id"), "", alice);
    EXPECT_EQ(event.body.at("content").at("body"), "remember me");
}

class CrowdedRoomTest : public RoomTest {
protected:
    CrowdedRoomTest() : RoomTest({}, 2) {}
};

TEST_F(CrowdedRoomTest, EverybodyGetsInWhenManyJoinAtOnce) {
    constexpr int crowd = 24;
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    std::vector<std::string> tokens;
    for (int number = 0; number < crowd; ++number) tokens.push_back(server.register_user("u" + std::to_string(number) + "x"));
    std::vector<int> statuses(crowd);
    std::vector<std::thread> joining;
    for (std::size_t number = 0; number < tokens.size(); ++number) {
        joining.emplace_back([&, number] { statuses[number] = post("/join/" + room, "{}", tokens[number]).status; });
    }
    for (std::thread& thread : joining) thread.join();
    EXPECT_EQ(statuses, std::vector<int>(crowd, 200));
    EXPECT_EQ(get("/rooms/" + room + "/joined_members", alice).body.at("joined").as_object().size(), crowd + 1U);
}

/// Two probes, a and b, that say what they were asked.
class ProbedRoomTest : public RoomTest {
protected:
    ProbedRoomTest()
        : RoomTest("modules:\n  - {module: probe.Probe, config: {name: a}}\n  - {module: probe.Probe, config: {name: b}}\n") {}

    [[nodiscard]] Texts journal(const std::string& name) const {
        Texts asked;
        const Answer answer = server.request("GET", "/_synapse/client/probe/" + name);
        for (const boost::json::value& record : answer.body.at("journal").as_array()) {
            std::string line(record.at("callback").as_string());
            const boost::json::value* const type = record.as_object().if_contains("event_type");
            if (type != nullptr) line += " " + std::string(type->as_string());
            asked.push_back(line);
        }
        return asked;
    }
    void clear_journals() const {
        for (const char* name : {"a", "b"}) {
            EXPECT_EQ(server.request("GET", std::string("/_synapse/client/probe/") + name + "?clear=1").status, 200);
        }
    }
};

TEST_F(ProbedRoomTest, CreatingARoomAsksInTheContractsOrder) {
    const std::string alice = server.register_user("alice");
    static_cast<void>(server.register_user("bob"));
    clear_journals();
    static_cast<void>(create_room(alice, R"({"name":"x","invite":["@bob:hs.test"]})"));
    Texts asked = journal("b");
    std::erase_if(asked, [](const std::string& line) { return line.starts_with("on_new_event"); });
    EXPECT_EQ(asked, (Texts{"on_create_room", "user_may_create_room", "get_ratelimit_override_for_user",
                            "check_visibility_can_be_modified",
                            "check_event_allowed m.room.create", "check_event_allowed m.room.member",
                            "check_event_allowed m.room.power_levels", "check_event_allowed m.room.join_rules",
                            "check_event_allowed m.room.history_visibility", "check_event_allowed m.room.guest_access",
                            "check_event_allowed m.room.name", "user_may_invite", "check_event_allowed m.room.member"}));
}

TEST_F(ProbedRoomTest, ModulesForbidAndChangeRooms) {
    const std::string alice = server.register_user("alice");
    const std::string nobody = server.register_user("nocreate1");
    expect_error(post("/createRoom", R"({"name":"forbidden"})", alice), 403, "ORG_EXAMPLE_NO_ROOM", "no such rooms");
    expect_error(post("/createRoom", R"({"name":"broken"})", alice), 403, "M_UNKNOWN",
                 "Room creation forbidden with these parameters");
    expect_error(post("/createRoom", "{}", nobody), 403, "M_FORBIDDEN", "You are not permitted to create rooms");
    const std::string room = create_room(alice, R"({"name":"stamped"})");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "stamped by b");
}

TEST_F(ProbedRoomTest, ModulesDecideAboutMessages) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string spam = "This message had been rejected as probable spam";
    expect_error(send(room, "spam code", alice), 403, "M_FORBIDDEN", spam);
    expect_error(send(room, "spam only b", alice), 403, "M_FORBIDDEN", spam);
    expect_error(send(room, "spam consent", alice), 403, "M_CONSENT_NOT_GIVEN", spam);
    expect_error(send(room, "spam text", alice), 403, "M_FORBIDDEN", "no thanks from a");
    expect_error(send(room, "spam error", alice), 418, "ORG_EXAMPLE_TEAPOT", "teapot");
    expect_error(send(room, "deny rule", alice), 403, "M_FORBIDDEN", "This event is not allowed in this context");
    expect_error(send(room, "error rule", alice), 451, "ORG_EXAMPLE_GONE", "gone");
    EXPECT_EQ(send(room, "throw rule", alice).status, 500);
    EXPECT_EQ(send(room, "spam throw", alice).status, 500);
    const Answer replaced = send(room, "replace rule", alice);
    const Answer event = get("/rooms/" + room + "/event/" + replaced.text("event_id"), alice);
    EXPECT_EQ(event.body.at("content").at("body"), "replaced by a");
    EXPECT_EQ(bodies(get("/rooms/" + room + "/messages?dir=b&limit=2", alice).body.at("chunk")),
              (Texts{"replaced by a", "m.room.guest_access"}))
        << "a refused message was stored";
}

TEST_F(ProbedRoomTest, ModulesDecideAboutJoinsAndInvites) {
    const std::string alice = server.register_user("alice");
    const std::string refused = server.register_user("nojoin1");
    static_cast<void>(server.register_user("noinvite1"));
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    expect_error(post("/join/" + room, "{}", refused), 403, "M_FORBIDDEN", "Not allowed to join this room");
    const Answer invite = post("/rooms/" + room + "/invite", R"({"user_id":"@noinvite1:hs.test"})", alice);
    expect_error(invite, 403, "M_FORBIDDEN", "Invites have been disabled on this server");
    EXPECT_EQ(invite.text("org.example.by"), "a");
}

TEST_F(ProbedRoomTest, ModulesAddToUnsignedButTheHostsOwnFieldsWin) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const Answer sent_event = send(room, "hello", alice);
    const Answer event = get("/rooms/" + room + "/event/" + sent_event.text("event_id"), alice);
    const boost::json::object& added = event.body.at("unsigned").as_object();
    EXPECT_EQ(added.at("org.example.probe"), "b");
    EXPECT_EQ(added.at("org.example.probe_a"), "m.room.message");
    EXPECT_EQ(added.at("org.example.probe_b"), "m.room.message");
    EXPECT_GE(added.at("age").as_int64(), 0);
    EXPECT_EQ(added.at("transaction_id"), "t1");
}

TEST_F(ProbedRoomTest, OnNewEventSeesEveryStoredEventOnce) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    clear_journals();
    EXPECT_EQ(send(room, "hello", alice).status, 200);
    EXPECT_EQ(send(room, "deny rule", alice).status, 403);
    // The next message's own event comes behind the first one's notification.
    EXPECT_EQ(send(room, "again", alice).status, 200);
    Texts asked = journal("b");
    for (const Patience patience;
         patience.is_left() && std::count(asked.begin(), asked.end(), "on_new_event m.room.message") < 2;)
        asked = journal("b");
    EXPECT_EQ(std::count(asked.begin(), asked.end(), "on_new_event m.room.message"), 2);
    EXPECT_EQ(std::count(asked.begin(), asked.end(), "check_event_for_spam m.room.message"), 2);
}

TEST_F(RoomTest, WhoWasRemovedKnowsTheStateOfTheirStayOnly) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat","topic":"open"})");
    const std::string topic = "/rooms/" + room + "/state/m.room.topic";
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/kick", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(put(topic, R"({"topic":"not for bob"})", alice).status, 200);
    EXPECT_EQ(get(topic, bob).text("topic"), "open");
    EXPECT_EQ(post("/rooms/" + room + "/ban", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(get(topic, bob).text("topic"), "open");
    EXPECT_EQ(post("/rooms/" + room + "/unban", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/invite", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(get(topic, bob).text("topic"), "open");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(get(topic, bob).text("topic"), "not for bob");
}

TEST_F(RoomTest, AForgottenRoomIsShownNoMoreUntilItIsJoinedAgain) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const std::string event = send(room, "seen", bob).text("event_id");
    EXPECT_EQ(post("/rooms/" + room + "/forget", "{}", bob).status, 400);
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/event/" + event, bob).status, 200);

    EXPECT_EQ(post("/rooms/" + room + "/forget", "{}", bob).status, 200);

    const std::string outsider = "User @bob:hs.test not in room " + room;
    expect_error(get("/rooms/" + room + "/state", bob), 403, "M_FORBIDDEN", outsider);
    expect_error(get("/rooms/" + room + "/messages?dir=b", bob), 403, "M_FORBIDDEN", outsider);
    expect_error(get("/rooms/" + room + "/members", bob), 403, "M_FORBIDDEN", outsider);
    EXPECT_EQ(get("/rooms/" + room + "/event/" + event, bob).status, 404);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/event/" + event, bob).status, 200);
}

TEST_F(RoomTest, ATransactionIdBelongsToItsEndpoint) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string event = put("/rooms/" + room + "/send/m.room.message/1", R"({"body":"oops"})", alice).text("event_id");
    const std::string path = "/rooms/" + room + "/redact/" + event + "/1";
    const Answer redaction = put(path, "{}", alice);
    EXPECT_NE(redaction.text("event_id"), event);
    EXPECT_EQ(put(path, "{}", alice).text("event_id"), redaction.text("event_id"));
    const Answer left = get("/rooms/" + room + "/event/" + event, alice);
    EXPECT_TRUE(left.body.at("content").as_object().empty());
    EXPECT_EQ(get("/rooms/" + room + "/event/" + redaction.text("event_id"), alice).body.at("unsigned").at("transaction_id"),
              "1");
}

TEST_F(RoomTest, MembersOfAPrivateChatMayInviteAndThoseOfAPublicOneMayNot) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    static_cast<void>(server.register_user("carol"));
    const std::string invite = R"({"user_id":"@carol:hs.test"})";
    for (const std::string preset : {"private_chat", "trusted_private_chat"}) {
        const std::string room = create_room(alice, R"({"invite":["@bob:hs.test"],"preset":")" + preset + "\"}");
        EXPECT_EQ(post("/rooms/" + room + "/join", "{}", bob).status, 200) << preset;
        EXPECT_EQ(post("/rooms/" + room + "/invite", invite, bob).status, 200) << preset;
    }
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/rooms/" + room + "/join", "{}", bob).status, 200);
    expect_error(post("/rooms/" + room + "/invite", invite, bob), 403, "M_FORBIDDEN",
                 "You don't have permission to invite users");
}

TEST_F(RoomTest, ARoomThatCannotBeIsNotBegun) {
    const std::string alice = server.register_user("alice");
    const auto refused = [&](const std::string& body) { return post("/createRoom", body, alice); };
    expect_error(refused(R"({"power_level_content_override":{"ban":"high"}})"), 400, "M_BAD_JSON",
                 "ban in power levels isn't an integer");
    expect_error(refused(R"({"power_level_content_override":{"users":{}}})"), 400, "M_BAD_JSON",
                 "You don't have permission to post that to the room. user_level (0) < send_level (50)");
    expect_error(refused(R"({"initial_state":[{"type":"org.example.x","content":{"v":1.5}}]})"), 400, "M_BAD_JSON",
                 "Bad JSON value: integer out of range or not an integer");
    expect_error(refused(R"({"invite":["@alice:hs.test"]})"), 400, "M_BAD_JSON", "@alice:hs.test is already in the room.");
    expect_error(refused(R"({"invite":["@bob:hs.test"],"power_level_content_override":{"invite":101}})"), 400, "M_BAD_JSON",
                 "You don't have permission to invite users");
    expect_error(refused(R"({"name":")" + std::string(66000, 'x') + "\"}"), 413, "M_TOO_LARGE", "event too large");
    expect_error(refused(R"({"room_alias_name":")" + std::string(250, 'x') + "\"}"), 400, "M_INVALID_PARAM",
                 "A room alias has at most 255 bytes");
    EXPECT_TRUE(get("/joined_rooms", alice).body.at("joined_rooms").as_array().empty());
}

TEST_F(RoomTest, WhoLeftKnowsTheMembersOfTheirStayOnly) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string carol = server.register_user("carol");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const std::string at = get("/sync", alice).text("next_batch");
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);
    const std::string joined = "/rooms/" + room + "/joined_members";
    const std::string outsider = "User @bob:hs.test not in room " + room;
    expect_error(get(joined, bob), 403, "M_FORBIDDEN", outsider);
    EXPECT_EQ(post("/join/" + room, "{}", carol).status, 200);
    const auto count = [&](const std::string& arguments, const std::string& token) {
        return get("/rooms/" + room + "/members" + arguments, token).body.at("chunk").as_array().size();
    };

    EXPECT_EQ(count("", bob), 2U);
    EXPECT_EQ(count("?membership=leave", bob), 1U);
    EXPECT_EQ(count("", alice), 3U);
    EXPECT_EQ(count("?membership=join&at=" + at, alice), 2U);
    expect_error(get(joined, bob), 403, "M_FORBIDDEN", outsider);
    EXPECT_EQ(get(joined, carol).body.at("joined").as_object().size(), 2U);
}

TEST_F(ProbedRoomTest, HeadOfAModulesResourceTellsTheLengthOfGet) {
    const std::string path = "/_synapse/client/probe/a";
    const Answer head = server.request("HEAD", path);
    EXPECT_EQ(head.status, 200);
    EXPECT_NE(head.header("Content-Length"), "0");
    EXPECT_EQ(head.header("Content-Length"), server.request("GET", path).header("Content-Length"));
}

TEST_F(ProbedRoomTest, JoiningAgainWithOtherWordsAsksAgain) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    const std::string member = "/rooms/" + room + "/state/m.room.member/@bob:hs.test";
    const auto count = [&] {
        const Texts asked = journal("b");
        return std::count(asked.begin(), asked.end(), "user_may_join_room");
    };
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(count(), 1);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(count(), 1) << "that repeats what is so already";
    EXPECT_EQ(put(member, R"({"membership":"join","displayname":"Robert"})", bob).status, 200);
    EXPECT_EQ(count(), 2);
    EXPECT_EQ(put(member, R"({"membership":"join","displayname":"Robert"})", bob).status, 200);
    EXPECT_EQ(count(), 2);
}

TEST_F(RoomTest, ARestrictedRoomLetsInWhoIsInTheRoomThatItNames) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string space = create_room(alice, R"({"preset":"public_chat"})");
    const std::string rules = R"({"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":")" + space + "\"}]}";
    const std::string room = create_room(alice, R"({"initial_state":[{"type":"m.room.join_rules","content":)" + rules + "}]}");
    const std::string member = "/rooms/" + room + "/state/m.room.member/@bob:hs.test";
    const std::string refusal = "You do not belong to any of the required rooms/spaces to join this room.";
    expect_error(post("/join/" + room, "{}", bob), 403, "M_FORBIDDEN", refusal);
    expect_error(put(member, R"({"membership":"join","join_authorised_via_users_server":"@alice:hs.test"})", bob), 403,
                 "M_FORBIDDEN", refusal);

    EXPECT_EQ(post("/join/" + space, "{}", bob).status, 200);

    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const Answer joined = get(member, bob);
    EXPECT_EQ(joined.text("join_authorised_via_users_server"), "@alice:hs.test");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(get(member, bob).body, joined.body);
    // Whom somebody has invited nobody has to let in.
    const std::string carol = server.register_user("carol");
    EXPECT_EQ(post("/rooms/" + room + "/invite", R"({"user_id":"@carol:hs.test"})", alice).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", carol).status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.member/@carol:hs.test", alice).text("join_authorised_via_users_server"),
              "");
}

}  // namespace
