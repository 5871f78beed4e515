#include "room_test.h"

#include <csignal>
#include <future>
#include <memory>
#include <thread>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

/// Syncs are served by whichever of two workers took the connection.
class SyncTest : public RoomTest {
protected:
    SyncTest() : RoomTest({}, 2) {}

    [[nodiscard]] Answer sync(const std::string& token, const std::string& arguments = {}) const {
        return get("/sync?" + arguments, token);
    }
    static const boost::json::object& joined(const Answer& answer) { return answer.body.at("rooms").at("join").as_object(); }
};

TEST_F(SyncTest, TheFirstSyncTellsTheRoomsWithTheirState) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice, R"({"name":"Lounge"})");
    for (int number = 0; number < 12; ++number) EXPECT_EQ(send(room, "m" + std::to_string(number), alice).status, 200);
    const Answer answer = sync(alice);
    const boost::json::object& told = joined(answer).at(room).as_object();
    EXPECT_EQ(bodies(told.at("timeline").at("events")).size(), 10U);
    EXPECT_EQ(told.at("timeline").at("limited"), true);
    EXPECT_EQ(bodies(told.at("timeline").at("events")).back(), "m11");
    EXPECT_EQ(told.at("state").at("events").as_array().size(), 7U);
    // The page before the timeline goes on exactly there.
    const std::string before(told.at("timeline").at("prev_batch").as_string());
    const Answer page = get("/rooms/" + room + "/messages?dir=b&limit=2&from=" + before, alice);
    EXPECT_EQ(bodies(page.body.at("chunk")), (Texts{"m1", "m0"}));
}

TEST_F(SyncTest, ALaterSyncTellsOnlyWhatIsNew) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string quiet = create_room(alice);
    const std::string since = sync(alice).text("next_batch");
    EXPECT_EQ(send(room, "news", alice).status, 200);
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/org.example.a", R"({"x":1})", alice).status, 200);
    const Answer answer = sync(alice, "since=" + since);
    EXPECT_EQ(bodies(joined(answer).at(room).at("timeline").at("events")), Texts{"news"});
    EXPECT_EQ(joined(answer).at(room).at("timeline").at("limited"), false);
    EXPECT_FALSE(joined(answer).contains(quiet));
    EXPECT_EQ(answer.body.at("account_data").at("events").as_array().size(), 1U);
    const Answer nothing = sync(alice, "since=" + answer.text("next_batch"));
    EXPECT_TRUE(joined(nothing).empty());
}

TEST_F(SyncTest, AWaitingSyncIsWokenByAnEventOfAnotherConnection) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    for (int round = 0; round < 5; ++round) {
        const std::string since = sync(bob).text("next_batch");
        const auto began = std::chrono::steady_clock::now();
        std::future<Answer> waiting = std::async(std::launch::async, [&] { return sync(bob, "timeout=30000&since=" + since); });
        EXPECT_EQ(send(room, "wake up " + std::to_string(round), alice).status, 200);
        const Answer answer = waiting.get();
        EXPECT_EQ(bodies(joined(answer).at(room).at("timeline").at("events")), Texts{"wake up " + std::to_string(round)});
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
    }
}

TEST_F(SyncTest, AWaitThatEndsWithoutNewsAnswersWithNothing) {
    const std::string alice = server.register_user("alice");
    const std::string since = sync(alice).text("next_batch");
    const auto began = std::chrono::steady_clock::now();
    const Answer answer = sync(alice, "timeout=300&since=" + since);
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(joined(answer).empty());
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(300));
}

TEST_F(SyncTest, AnInviteIsToldWithWhatSomebodyOutsideMayKnow) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"name":"Lounge","invite":["@bob:hs.test"]})");
    const Answer answer = sync(bob);
    EXPECT_TRUE(joined(answer).empty());
    const boost::json::array& told = answer.body.at("rooms").at("invite").at(room).at("invite_state").at("events").as_array();
    Texts types;
    for (const boost::json::value& event : told) types.emplace_back(event.at("type").as_string());
    EXPECT_EQ(types, (Texts{"m.room.create", "m.room.join_rules", "m.room.name", "m.room.member", "m.room.member"}));
    EXPECT_FALSE(told.front().as_object().contains("event_id"));
    EXPECT_EQ(told.back().at("state_key"), "@bob:hs.test");
}

TEST_F(SyncTest, JoiningTellsTheWholeRoomAndLeavingTellsItsEnd) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat","name":"Lounge"})");
    std::string since = sync(bob).text("next_batch");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const Answer after_join = sync(bob, "since=" + since);
    EXPECT_EQ(bodies(joined(after_join).at(room).at("timeline").at("events")).front(), "m.room.create");
    since = after_join.text("next_batch");
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);
    EXPECT_EQ(send(room, "not for bob", alice).status, 200);
    const Answer after_leave = sync(bob, "since=" + since);
    EXPECT_TRUE(joined(after_leave).empty());
    const boost::json::value& left = after_leave.body.at("rooms").at("leave").at(room);
    EXPECT_EQ(bodies(left.at("timeline").at("events")), Texts{"m.room.member"});
    EXPECT_TRUE(sync(bob, "since=" + after_leave.text("next_batch")).body.at("rooms").at("leave").as_object().empty());
}

TEST_F(SyncTest, ARoomThatIsLeftAlreadyTellsOnlyWhatIsNew) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(send(room, "known", alice).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/kick", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    const std::string since = sync(bob).text("next_batch");
    EXPECT_EQ(post("/rooms/" + room + "/ban", R"({"user_id":"@bob:hs.test"})", alice).status, 200);

    const Answer answer = sync(bob, "since=" + since);

    const boost::json::array& told = answer.body.at("rooms").at("leave").at(room).at("timeline").at("events").as_array();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].at("content").at("membership"), "ban");
}

TEST_F(SyncTest, DecliningAnInviteTellsNothingOfTheRoom) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"topic":"secret"})");
    const std::string since = sync(bob).text("next_batch");
    EXPECT_EQ(post("/rooms/" + room + "/invite", R"({"user_id":"@bob:hs.test"})", alice).status, 200);
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"more secret"})", alice).status, 200);
    EXPECT_EQ(send(room, "not for bob", alice).status, 200);
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);

    const std::string last_event = "&filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:1%7D%7D%7D";
    const boost::json::value told = sync(bob, "since=" + since + last_event).body.at("rooms").at("leave").at(room);

    EXPECT_TRUE(told.at("state").at("events").as_array().empty());
    EXPECT_EQ(bodies(told.at("timeline").at("events")), Texts{"m.room.member"});  // bob's own
}

TEST_F(SyncTest, ComingBackTellsTheRoomAnewAsBehindAGap) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    const std::string stranger = sync(bob).text("next_batch");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const Answer first = sync(bob, "since=" + stranger);
    EXPECT_EQ(joined(first).at(room).at("timeline").at("limited"), false);
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);
    const std::string since = sync(bob).text("next_batch");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);

    const Answer again = sync(bob, "since=" + since);

    EXPECT_EQ(joined(again).at(room).at("timeline").at("limited"), true);
    EXPECT_EQ(bodies(joined(again).at(room).at("timeline").at("events")).back(), "m.room.member");
    // Joined and left again between two syncs: told the same way.
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);
    const boost::json::value left = sync(bob, "since=" + since).body.at("rooms").at("leave").at(room);
    EXPECT_EQ(left.at("timeline").at("limited"), true);
}

TEST_F(SyncTest, AFilterLimitsAndReducesWhatIsTold) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    for (const char* text : {"one", "two", "three"}) EXPECT_EQ(send(room, text, alice).status, 200);
    const Answer stored = post("/user/@alice:hs.test/filter",
                               R"({"event_fields":["content.body","type"],"room":{"timeline":{"limit":2}}})", alice);
    const Answer answer = sync(alice, "filter=" + stored.text("filter_id"));
    const boost::json::array& events = joined(answer).at(room).at("timeline").at("events").as_array();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(boost::json::serialize(events[1]), R"({"content":{"body":"three"},"type":"m.room.message"})");
    const Answer none = sync(alice, "filter=%7B%22room%22:%7B%22not_rooms%22:%5B%22" + room + "%22%5D%7D%7D");
    EXPECT_TRUE(joined(none).empty());
}

TEST_F(SyncTest, BadArgumentsAreRefused) {
    const std::string alice = server.register_user("alice");
    expect_error(sync(alice, "since=nonsense"), 400, "M_INVALID_PARAM", "Invalid stream token");
    EXPECT_EQ(sync(alice, "filter=%7B").status, 400);
    EXPECT_EQ(sync(alice, "filter=77").status, 400);
    EXPECT_EQ(sync(alice, "timeout=soon").status, 400);
    expect_error(sync(alice, "full_state=perhaps"), 400, "M_INVALID_PARAM",
                 "Query parameter 'full_state' must be one of ['true', 'false']");
}

TEST_F(SyncTest, StoppingTheServerAnswersWaitingSyncs) {
    const std::string alice = server.register_user("alice");
    const std::string since = sync(alice).text("next_batch");
    RawConnection connection(server.port());
    connection.send("GET " + client + "/sync?timeout=60000&since=" + since + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                    alice + "\r\n\r\n");
    static_cast<void>(sync(alice));
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(std::chrono::seconds(6)), 0);
}

TEST_F(SyncTest, AWaitThatALogoutOvertakesEndsAtOnce) {
    for (const std::string way : {"/logout", "/logout/all"}) {
        const std::string token = server.register_user("of" + std::string(way == "/logout" ? "one" : "all"));
        const std::string since = sync(token).text("next_batch");
        std::vector<std::unique_ptr<RawConnection>> waiting;  // at both workers
        for (int count = 0; count < 2; ++count) {
            waiting.push_back(std::make_unique<RawConnection>(server.port()));
            waiting.back()->send("GET " + client + "/sync?timeout=60000&since=" + since +
                                 " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n");
        }
        static_cast<void>(sync(token));
        static_cast<void>(sync(token));
        const auto began = std::chrono::steady_clock::now();
        EXPECT_EQ(post(way, "{}", token).status, 200);
        for (const std::unique_ptr<RawConnection>& connection : waiting) {
            const std::string answer = connection->read_until("M_UNKNOWN_TOKEN");
            EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
        }
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
    }
}

TEST_F(SyncTest, AWaitEndsWithItsClient) {
    const std::string alice = server.register_user("alice");
    const std::string since = sync(alice).text("next_batch");
    const std::string request = "GET " + client + "/sync?timeout=60000&since=" + since +
                                " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice + "\r\n\r\n";
    RawConnection resets(server.port());
    resets.send(request);
    RawConnection closes(server.port());
    closes.send(request);
    // They are waiting when others that came after them have been answered, twice each worker.
    for (int count = 0; count < 4; ++count) static_cast<void>(sync(alice));
    const auto ended = [&] {
        const std::string log = server.log();
        std::size_t count = 0;
        for (std::size_t at = log.find("/sync status=499"); at != std::string::npos; at = log.find("/sync status=499", at + 1))
            ++count;
        return count;
    };
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    resets.reset();
    while (ended() < 1 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(ended(), 1U);
    closes.close();
    while (ended() < 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(ended(), 2U);
}

TEST_F(SyncTest, AWaitWhoseClientSendsNothingAnyMoreIsAnsweredAtOnce) {
    const std::string alice = server.register_user("alice");
    const std::string since = sync(alice).text("next_batch");
    RawConnection connection(server.port());
    connection.send("GET " + client + "/sync?timeout=60000&since=" + since + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                    alice + "\r\n\r\n");
    connection.finish_sending();
    const std::string answer = connection.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("\"next_batch\""), std::string::npos) << answer;
}

TEST_F(SyncTest, AKnockIsToldApartFromALeave) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(
        alice, R"({"name":"Lounge","initial_state":[{"type":"m.room.join_rules","content":{"join_rule":"knock"}}]})");
    const std::string since = sync(bob).text("next_batch");
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.member/@bob:hs.test", R"({"membership":"knock"})", bob).status, 200);

    const Answer answer = sync(bob, "since=" + since);

    EXPECT_TRUE(answer.body.at("rooms").at("leave").as_object().empty());
    const boost::json::value& told = answer.body.at("rooms").at("knock").at(room).at("knock_state").at("events");
    EXPECT_EQ(bodies(told), (Texts{"m.room.create", "m.room.join_rules", "m.room.name", "m.room.member"}));
    EXPECT_EQ(told.as_array().back().at("content").at("membership"), "knock");
    EXPECT_FALSE(sync(bob, "since=" + answer.text("next_batch")).body.at("rooms").as_object().contains("knock"));
}

TEST_F(SyncTest, WhoJoinsWithoutSeeingTheHistoryKnowsTheState) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string hidden = R"({"type":"m.room.history_visibility","content":{"history_visibility":"joined"}})";
    const std::string room = create_room(alice, R"({"preset":"public_chat","topic":"talk","initial_state":[)" + hidden + "]}");
    EXPECT_EQ(send(room, "not for bob", alice).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(send(room, "for bob", alice).status, 200);

    const boost::json::value told = joined(sync(bob)).at(room);

    EXPECT_EQ(bodies(told.at("timeline").at("events")), (Texts{"m.room.member", "for bob"}));
    EXPECT_EQ(told.at("timeline").at("limited"), true);
    EXPECT_EQ(bodies(told.at("state").at("events")), (Texts{"m.room.create", "m.room.member", "m.room.power_levels",
                                                            "m.room.join_rules", "m.room.history_visibility", "m.room.topic"}));
}

}  // namespace
