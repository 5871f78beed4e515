#include "room_test.h"

#include <cstdio>
#include <string>
#include <vector>

/// What a filter does to the events of a sync and of a page of messages.
namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

class EventFilterTest : public RoomTest {
protected:
    [[nodiscard]] static std::string encoded(const std::string& text) {
        std::string query;
        for (const char character : text) {
            char hexadecimal[4];
            std::snprintf(hexadecimal, sizeof hexadecimal, "%%%02x", static_cast<unsigned char>(character));
            query += hexadecimal;
        }
        return query;
    }
    [[nodiscard]] Answer page(const std::string& arguments, const std::string& filter) const {
        return get("/rooms/" + room + "/messages?" + arguments + "&filter=" + encoded(filter), alice);
    }
    [[nodiscard]] boost::json::value told(const std::string& filter, const std::string& since = {}) const {
        const Answer answer = get("/sync?filter=" + encoded(filter) + (since.empty() ? "" : "&since=" + since), alice);
        return answer.body.at("rooms").at("join").at(room);
    }
    void make_noise(int count) {
        for (int number = 0; number < count; ++number) {
            const std::string path = "/rooms/" + room + "/send/org.example.noise/n" + std::to_string(++sent);
            EXPECT_EQ(put(path, "{}", alice).status, 200);
        }
    }

    std::string alice = server.register_user("alice");
    std::string room = create_room(alice);
};

TEST_F(EventFilterTest, APageHoldsAsManyWantedEventsAsItsLimit) {
    for (const char* const text : {"one", "two", "three"}) {
        EXPECT_EQ(send(room, text, alice).status, 200);
        make_noise(3);
    }
    const std::string messages = R"({"types":["m.room.message"]})";
    const Answer first = page("dir=b&limit=2", messages);
    EXPECT_EQ(bodies(first.body.at("chunk")), (Texts{"three", "two"}));
    const Answer second = page("dir=b&limit=2&from=" + first.text("end"), messages);
    EXPECT_EQ(bodies(second.body.at("chunk")), Texts{"one"});
    EXPECT_FALSE(second.body.contains("end"));
    const Answer forwards = page("dir=f&limit=2", messages);
    EXPECT_EQ(bodies(forwards.body.at("chunk")), (Texts{"one", "two"}));
    EXPECT_EQ(bodies(page("dir=f&limit=2&from=" + forwards.text("end"), messages).body.at("chunk")), Texts{"three"});
}

TEST_F(EventFilterTest, APageGoesOnWhereALongSearchFoundNothing) {
    EXPECT_EQ(send(room, "far behind", alice).status, 200);
    make_noise(230);
    EXPECT_EQ(bodies(page("dir=b&limit=1", R"({"types":["m.room.mess*"]})").body.at("chunk")), Texts{"far behind"});
}

TEST_F(EventFilterTest, EveryPartOfItCounts) {
    EXPECT_EQ(put("/rooms/" + room + "/send/m.room.message/url", R"({"body":"picture","url":"mxc://hs.test/x"})", alice).status,
              200);
    EXPECT_EQ(send(room, "text", alice).status, 200);
    const auto found = [&](const std::string& filter) { return bodies(page("dir=b&limit=2", filter).body.at("chunk")); };
    EXPECT_EQ(found(R"({"contains_url":true})"), Texts{"picture"});
    EXPECT_EQ(found(R"({"contains_url":false})"), (Texts{"text", "m.room.guest_access"}));
    EXPECT_EQ(found(R"({"senders":["@bob:hs.test"]})"), Texts{});
    EXPECT_EQ(found(R"({"not_senders":["@alice:hs.test"]})"), Texts{});
    EXPECT_EQ(found(R"({"not_types":["m.room.message","m.room.guest_access"]})"),
              (Texts{"m.room.history_visibility", "m.room.join_rules"}));
    EXPECT_EQ(found(R"({"rooms":["!other:hs.test"]})"), Texts{});
    EXPECT_EQ(found(R"({"not_rooms":[")" + room + "\"]}"), Texts{});
    EXPECT_EQ(found(R"({"rooms":[")" + room + "\"]}"), (Texts{"text", "picture"}));
}

TEST_F(EventFilterTest, WhatIsNoFilterIsRefused) {
    expect_error(page("dir=b", "{"), 400, "M_NOT_JSON", "Invalid filter JSON");
    expect_error(page("dir=b", "[]"), 400, "M_NOT_JSON", "Invalid filter JSON");
    expect_error(page("dir=b", R"({"types":"m.room.message"})"), 400, "M_BAD_JSON", "Invalid filter: 'types'");
    expect_error(page("dir=b", R"({"contains_url":1})"), 400, "M_BAD_JSON", "Invalid filter: 'contains_url'");
    expect_error(post("/user/@alice:hs.test/filter", R"({"room":{"timeline":{"limit":"x"}}})", alice), 400, "M_BAD_JSON",
                 "Invalid filter: 'limit'");
}

TEST_F(EventFilterTest, ATimelineHoldsAsManyWantedEventsAsItsLimit) {
    const std::string filter = R"({"room":{"timeline":{"types":["m.room.message"],"limit":2}}})";
    const std::string since = get("/sync", alice).text("next_batch");
    for (const char* const text : {"one", "two", "three"}) EXPECT_EQ(send(room, text, alice).status, 200);
    make_noise(12);
    for (const std::string& from : {std::string(), since}) {
        const boost::json::value answer = told(filter, from);
        EXPECT_EQ(bodies(answer.at("timeline").at("events")), (Texts{"two", "three"}));
        EXPECT_EQ(answer.at("timeline").at("limited"), true);
        const std::string before(answer.at("timeline").at("prev_batch").as_string());
        EXPECT_EQ(bodies(page("dir=b&limit=1&from=" + before, R"({"types":["m.room.message"]})").body.at("chunk")),
                  Texts{"one"});
    }
}

TEST_F(EventFilterTest, StateThatATimelineLeavesOutIsToldAsState) {
    const std::string filter = R"({"room":{"timeline":{"types":["m.room.message"]}}})";
    const std::string since = get("/sync", alice).text("next_batch");
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"new"})", alice).status, 200);
    EXPECT_EQ(bodies(told(filter, since).at("state").at("events")), Texts{"m.room.topic"});
    EXPECT_EQ(send(room, "text", alice).status, 200);
    const boost::json::value both = told(filter, since);
    EXPECT_EQ(bodies(both.at("state").at("events")), Texts{"m.room.topic"});
    EXPECT_EQ(bodies(both.at("timeline").at("events")), Texts{"text"});
    EXPECT_EQ(both.at("timeline").at("limited"), false);
}

}  // namespace
