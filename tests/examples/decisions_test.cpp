// What a module decided on still holds when it takes effect.
#include "room_test.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <regex>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace homeserver_test;

/// Where a test says what a module waits at.
struct Gates {
    TemporaryFolder gates;
};

/// A server whose module decides by state, and waits where a test says so.
class DecisionTest : protected Gates, public RoomTest {
protected:
    explicit DecisionTest(int workers = 1)
        : RoomTest("modules:\n  - {module: deciding.Deciding, config: {gates: '" + gates.path().string() + "'}}\n", workers),
          alice(server.register_user("alice")),
          bob(server.register_user("bob")) {}

    /// From here on the callback waits that is asked about such events.
    void hold(const std::string& what) const { std::ofstream(gates.path() / ("hold " + what)) << '\n'; }
    void let_go(const std::string& what) const { std::filesystem::remove(gates.path() / ("hold " + what)); }
    void wait_for(const std::string& line) const { ASSERT_TRUE(server.log_shows(line)) << server.log(); }
    [[nodiscard]] std::size_t times_in_log(const std::string& text) const {
        const std::string log = server.log();
        std::size_t times = 0;
        for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++times;
        return times;
    }
    [[nodiscard]] std::string room_of_both() const {
        return create_room(alice, R"({"preset":"public_chat","invite":["@bob:hs.test"],"power_level_content_override":)"
                                  R"({"users":{"@alice:hs.test":100,"@bob:hs.test":100},"state_default":0,"events_default":0}})");
    }
    void join(const std::string& room, const std::string& token) const {
        const Answer answer = post("/join/" + room, "{}", token);
        ASSERT_EQ(answer.status, 200) << answer.body;
    }
    [[nodiscard]] Answer set_state(const std::string& room, const std::string& type, const std::string& content,
                                   const std::string& token) const {
        return put("/rooms/" + room + "/state/" + type, content, token);
    }
    [[nodiscard]] std::future<Answer> in_background(std::function<Answer()> request) const {
        return std::async(std::launch::async, std::move(request));
    }
    /// The names of what is in the room, oldest first: bodies of messages, types of the rest.
    [[nodiscard]] std::vector<std::string> timeline(const std::string& room) const {
        const Answer answer = get("/rooms/" + room + "/messages?dir=f&limit=100", alice);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return bodies(answer.body.at("chunk"));
    }
    [[nodiscard]] Answer say(const std::string& room, const std::string& body, const std::string& orders) const {
        return put("/rooms/" + room + "/send/m.room.message/" + body,
                   R"({"msgtype":"m.text","body":")" + body + R"(","org.test":)" + orders + "}", alice);
    }

    std::string alice;
    std::string bob;
};

TEST_F(DecisionTest, ARoomThatWasClosedMeanwhileTakesNoMessage) {
    const std::string room = room_of_both();
    join(room, bob);
    hold("m.room.message");
    std::future<Answer> sending = in_background([&] { return send(room, "late", bob); });
    wait_for("waits at m.room.message");
    EXPECT_EQ(set_state(room, "x.closed", "{}", alice).status, 200);
    let_go("m.room.message");
    expect_error(sending.get(), 403, "M_FORBIDDEN", "This event is not allowed in this context");
    EXPECT_EQ(times_in_log("asked about late"), 2);
    EXPECT_EQ(times_in_log("heard of late"), 0);
}

TEST_F(DecisionTest, AnEventThatSaysTheSameIsntAskedAboutAsSpamAgain) {
    const std::string room = room_of_both();
    hold("after late");
    std::future<Answer> sending = in_background([&] { return send(room, "late", alice); });
    wait_for("waits at after late");
    EXPECT_EQ(set_state(room, "m.room.topic", R"({"topic":"other"})", alice).status, 200);
    let_go("after late");
    EXPECT_EQ(sending.get().status, 200);
    EXPECT_EQ(times_in_log("asked about late"), 2);
    EXPECT_EQ(times_in_log("asked whether late is spam"), 1);
    EXPECT_EQ(times_in_log("sees late topic other"), 1) << "it was asked again on the new state";
}

TEST_F(DecisionTest, TwoAdminsWhoLeaveAtOnceLeaveAFrozenRoom) {
    const std::string room = room_of_both();
    join(room, bob);
    hold("m.room.member leave");
    std::future<Answer> first = in_background([&] { return post("/rooms/" + room + "/leave", "{}", alice); });
    std::future<Answer> second = in_background([&] { return post("/rooms/" + room + "/leave", "{}", bob); });
    wait_for("asked about m.room.member leave @alice:hs.test");
    wait_for("asked about m.room.member leave @bob:hs.test");
    let_go("m.room.member leave");
    EXPECT_EQ(first.get().status, 200);
    EXPECT_EQ(second.get().status, 200);
    wait_for("heard of x.frozen");
    EXPECT_EQ(times_in_log("heard of x.frozen"), 1);
}

/// One worker, and two.
class CrowdTest : public DecisionTest, public testing::WithParamInterface<int> {
protected:
    CrowdTest() : DecisionTest(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Workers, CrowdTest, testing::Values(1, 2));

TEST_P(CrowdTest, FiftyWhoJoinAtOnceAllComeIn) {
    constexpr std::size_t size = 50;
    const std::string room = room_of_both();
    std::vector<std::string> tokens;
    for (std::size_t index = 0; index < size; ++index) tokens.push_back(server.register_user("u" + std::to_string(index)));
    std::vector<int> statuses(size);
    std::vector<std::thread> crowd;
    for (std::size_t index = 0; index < size; ++index) {
        crowd.emplace_back([&, index] { statuses[index] = post("/join/" + room, "{}", tokens[index]).status; });
    }
    for (std::thread& each : crowd) each.join();
    EXPECT_THAT(statuses, testing::Each(200));
    for (std::size_t index = 0; index < size; ++index) {
        const std::string question = "asked about m.room.member join @u" + std::to_string(index) + ":hs.test";
        const std::size_t times = times_in_log(question);
        EXPECT_GE(times, 1) << question;
        EXPECT_LE(times, 3) << question;
    }
}

TEST_P(CrowdTest, WhoSpeaksAtOnceIsAskedAboutOnce) {
    constexpr std::size_t size = 50;
    const std::string room = room_of_both();
    std::vector<int> statuses(size);
    std::vector<std::thread> crowd;
    for (std::size_t index = 0; index < size; ++index) {
        crowd.emplace_back([&, index] { statuses[index] = say(room, "word-" + std::to_string(index), "{}").status; });
    }
    for (std::thread& each : crowd) each.join();
    EXPECT_THAT(statuses, testing::Each(200));
    for (std::size_t index = 0; index < size; ++index) {
        EXPECT_EQ(times_in_log("asked about word-" + std::to_string(index) + " request_id="), 1) << index;
    }
}

constexpr const char* topic_made = R"({"make":[{"type":"m.room.topic","state_key":"","content":{"topic":"made"}},)"
                                   R"({"type":"m.room.message","content":{"body":"made too"}}])";

TEST_F(DecisionTest, WhatAModuleMakesForAnEventComesBeforeIt) {
    const std::string room = room_of_both();
    const std::size_t before = timeline(room).size();
    EXPECT_EQ(say(room, "outer", topic_made + std::string("}")).status, 200);
    std::vector<std::string> names = timeline(room);
    names.erase(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(before));
    EXPECT_EQ(names, (std::vector<std::string>{"m.room.topic", "made too", "outer"}));
    wait_for("heard of outer");
    EXPECT_LT(server.log().find("heard of m.room.topic"), server.log().find("heard of made too"));
    EXPECT_LT(server.log().find("heard of made too"), server.log().find("heard of outer"));
    EXPECT_EQ(times_in_log("sees outer topic made"), 1);
    EXPECT_EQ(times_in_log(" seen request_id="), 2) << "an event's id that was returned leads to it";
    const std::regex id("made (\\$\\S+) seen");
    const std::string log = server.log();
    std::smatch found;
    ASSERT_TRUE(std::regex_search(log, found, id));
    EXPECT_EQ(get("/rooms/" + room + "/event/" + found[1].str(), alice).status, 200) << "the id is final";
}

TEST_F(DecisionTest, WhatAModuleMadeForAnEventThatIsDeniedIsNowhere) {
    const std::string room = room_of_both();
    const std::vector<std::string> before = timeline(room);
    EXPECT_EQ(say(room, "outer", topic_made + std::string(R"(,"then":"deny"})")).status, 403);
    EXPECT_EQ(timeline(room), before);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).status, 404);
    EXPECT_EQ(send(room, "after", alice).status, 200);
    wait_for("heard of after");
    EXPECT_EQ(times_in_log("heard of m.room.topic"), 0);
}

TEST_F(DecisionTest, WhatAModuleMadeForAnEventIsSeenByNobodyElseBefore) {
    const std::string room = room_of_both();
    hold("after outer");
    std::future<Answer> sending = in_background([&] { return say(room, "outer", topic_made + std::string("}")); });
    wait_for("waits at after outer");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).status, 404);
    let_go("after outer");
    EXPECT_EQ(sending.get().status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "made");
}

TEST_F(DecisionTest, AskedAgainAModuleMakesItsEventsAnew) {
    const std::string room = room_of_both();
    hold("after outer");
    std::future<Answer> sending = in_background([&] { return say(room, "outer", topic_made + std::string("}")); });
    wait_for("waits at after outer");
    EXPECT_EQ(set_state(room, "m.room.name", R"({"name":"other"})", alice).status, 200);
    let_go("after outer");
    EXPECT_EQ(sending.get().status, 200);
    const std::vector<std::string> names = timeline(room);
    EXPECT_EQ(std::count(names.begin(), names.end(), "made too"), 1);
    EXPECT_EQ(times_in_log("heard of made too"), 1);
}

TEST_F(DecisionTest, WhatAModuleMadeOfWhatIsntSoAnyMoreIsMadeAnew) {
    const std::string carol = server.register_user("carol");
    const std::string invites = R"("invite":"@carol:hs.test")";
    for (const std::string& orders :
         {"{" + invites + "}", R"({"group":[{"type":"m.room.topic","state_key":"","content":{"topic":"one"}},)"
                               R"({"type":"m.room.message","content":{"body":"inner","org.test":{)" + invites + "}}}]}"}) {
        const std::string room = room_of_both();
        const bool is_group = orders.find("group") != std::string::npos;
        const std::string name = is_group ? "Carol" : "Caroline";
        const std::string outer = is_group ? "whole" : "outer";
        hold("after " + outer);
        std::future<Answer> sending = in_background([&] { return say(room, outer, orders); });
        wait_for("waits at after " + outer);
        EXPECT_EQ(put("/profile/@carol:hs.test/displayname", R"({"displayname":")" + name + "\"}", carol).status, 200);
        let_go("after " + outer);
        EXPECT_EQ(sending.get().status, 200);
        EXPECT_EQ(times_in_log("asked about " + outer + " request_id="), 2);
        EXPECT_EQ(times_in_log("asked whether " + outer + " is spam"), 1);
        const Answer member = get("/rooms/" + room + "/state/m.room.member/@carol:hs.test", alice);
        EXPECT_EQ(member.text("displayname"), name);
        const std::vector<std::string> names = timeline(room);
        EXPECT_EQ(std::count(names.begin(), names.end(), outer), 1);
        EXPECT_EQ(std::count(names.begin(), names.end(), "inner"), is_group ? 1 : 0);
        EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), is_group ? "one" : "");
    }
}

TEST_P(CrowdTest, WhatAModuleSendsInTheTurnThatItsEventHasWaitsForNobody) {
    const std::string room = room_of_both();
    const auto began = std::chrono::steady_clock::now();
    const Answer answer = say(room, "outer", R"({"topics":3,"then":"topic"})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(8)) << "it didn't wait for itself";
    EXPECT_EQ(times_in_log("asked whether outer is spam"), 4) << "two tries are lost, and one in the turn";
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "3");
    EXPECT_EQ(get("/rooms/" + room + "/event/" + answer.text("event_id"), alice).body.at("content").at("topic"), "3");
    EXPECT_EQ(send(room, "after", alice).status, 200) << "the turn is over";
}

TEST_F(DecisionTest, AGroupOfEventsIsStoredWholeOrNotAtAll) {
    const std::string room = room_of_both();
    const std::size_t before = timeline(room).size();
    const std::string good = R"({"group":[{"type":"m.room.topic","state_key":"","content":{"topic":"one"}},)"
                             R"({"type":"m.room.message","content":{"body":"two"}}])";
    const std::string bad = R"({"group":[{"type":"m.room.topic","state_key":"","content":{"topic":"other"}},)"
                            R"({"type":"m.room.message","content":{"body":"x","org.test":{"then":"deny"}}}]})";
    EXPECT_EQ(say(room, "first", good + "}").status, 200);
    EXPECT_EQ(timeline(room).size(), before + 3);
    EXPECT_EQ(say(room, "second", bad).status, 403);
    EXPECT_EQ(timeline(room).size(), before + 3);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "one");
}

TEST_F(DecisionTest, ARoomThatAModuleDeniesAtAnyEventNeverWas) {
    const std::string denied = R"({"room_alias_name":"hall","visibility":"public","invite":["@bob:hs.test"],"initial_state":)"
                               R"([{"type":"x.any","content":{"org.test":{"then":"deny"}}}]})";
    const Answer answer = post("/createRoom", denied, alice);
    EXPECT_EQ(answer.status, 403) << answer.body;
    EXPECT_TRUE(get("/joined_rooms", alice).body.at("joined_rooms").as_array().empty());
    EXPECT_TRUE(get("/publicRooms", alice).body.at("chunk").as_array().empty());
    EXPECT_EQ(get("/directory/room/%23hall:hs.test", alice).status, 404);
    EXPECT_TRUE(get("/sync", bob).body.at("rooms").at("invite").as_object().empty());
    EXPECT_EQ(create_room(alice, R"({"room_alias_name":"hall"})").empty(), false) << "the alias is free";
    wait_for("heard of m.room.create");
    EXPECT_EQ(times_in_log("heard of m.room.create"), 1) << "that of the second room";
}

TEST_F(DecisionTest, ARoomInTheMakingIsSeenByItsModulesOnly) {
    hold("m.room.member invite");
    std::future<Answer> creating = in_background([&] {
        return post("/createRoom", R"({"invite":["@bob:hs.test"],"topic":"early"})", alice);
    });
    wait_for("waits at m.room.member invite");
    EXPECT_TRUE(get("/joined_rooms", alice).body.at("joined_rooms").as_array().empty());
    let_go("m.room.member invite");
    EXPECT_EQ(creating.get().status, 200);
    EXPECT_EQ(get("/joined_rooms", alice).body.at("joined_rooms").as_array().size(), 1U);
    EXPECT_EQ(times_in_log("sees m.room.member invite @bob:hs.test topic early"), 1) << "the modules see what is made so far";
}

TEST_F(DecisionTest, AJoinShowsTheNameThatTheUserHasByThen) {
    const std::string room = room_of_both();
    hold("m.room.member join");
    std::future<Answer> joining = in_background([&] { return post("/join/" + room, "{}", bob); });
    wait_for("waits at m.room.member join");
    EXPECT_EQ(put("/profile/@bob:hs.test/displayname", R"({"displayname":"Robert"})", bob).status, 200);
    let_go("m.room.member join");
    EXPECT_EQ(joining.get().status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.member/@bob:hs.test", alice).text("displayname"), "Robert");
}

TEST_F(DecisionTest, ANewNameBringsNobodyBackWhoHasLeft) {
    const std::string room = room_of_both();
    join(room, bob);
    hold("join");
    std::future<Answer> naming =
        in_background([&] { return put("/profile/@bob:hs.test/displayname", R"({"displayname":"Robert"})", bob); });
    wait_for("waits at join");
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);
    let_go("join");
    EXPECT_EQ(naming.get().status, 200);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.member/@bob:hs.test", alice).text("membership"), "leave");
}

}  // namespace
