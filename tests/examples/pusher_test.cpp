#include "gateway_peer.h"
#include "push/http_pushers.h"
#include "room_test.h"

#include <csignal>

namespace {

using namespace homeserver_test;

class PusherTest : public RoomTest {
protected:
    explicit PusherTest(const std::string& settings = reaches_loopback)
        : RoomTest(settings, 2), alice(server.register_user("alice")), bob(server.register_user("bob")) {}

    void set(const std::string& body, const std::string& token) const {
        const Answer answer = post("/pushers/set", body, token);
        EXPECT_EQ(answer.status, 200) << answer.body;
    }
    [[nodiscard]] boost::json::array pushers(const std::string& token) const {
        return get("/pushers", token).body.at("pushers").as_array();
    }
    [[nodiscard]] std::string room_of_both(const std::string& body = R"({"preset":"public_chat","name":"Lounge"})") {
        const std::string room = create_room(alice, body);
        EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
        return room;
    }

    GatewayPeer gateway;
    std::string alice;
    std::string bob;
};

TEST_F(PusherTest, IsSetReplacedAndRemoved) {
    EXPECT_TRUE(pushers(bob).empty());
    set(gateway.pusher("key", R"(,"more":1)"), bob);
    ASSERT_EQ(pushers(bob).size(), 1U);
    const boost::json::object told = pushers(bob).at(0).as_object();
    EXPECT_EQ(told.at("pushkey"), "key");
    EXPECT_EQ(told.at("kind"), "http");
    EXPECT_EQ(told.at("app_id"), "org.example.app");
    EXPECT_EQ(told.at("device_display_name"), "Phone");
    EXPECT_EQ(told.at("data").at("url").as_string(), gateway.url());
    EXPECT_EQ(told.at("data").at("more"), 1);
    set(gateway.pusher("key"), bob);
    set(gateway.pusher("other"), bob);
    ASSERT_EQ(pushers(bob).size(), 2U);
    EXPECT_FALSE(pushers(bob).at(0).at("data").as_object().contains("more"));
    set(R"({"kind":null,"app_id":"org.example.app","pushkey":"key"})", bob);
    set(R"({"kind":null,"app_id":"org.example.app","pushkey":"unknown"})", bob);
    ASSERT_EQ(pushers(bob).size(), 1U);
    EXPECT_EQ(pushers(bob).at(0).at("pushkey"), "other");
}

TEST_F(PusherTest, TakesTheKeyFromOtherUsersUnlessItIsAppended) {
    set(gateway.pusher("key"), alice);
    std::string appended = gateway.pusher("key");
    appended.insert(1, R"("append":true,)");
    set(appended, bob);
    EXPECT_EQ(pushers(alice).size(), 1U);
    set(gateway.pusher("key"), bob);
    EXPECT_EQ(pushers(alice).size(), 0U);
    EXPECT_EQ(pushers(bob).size(), 1U);
}

TEST_F(PusherTest, GoesWithTheSessionThatSetIt) {
    const std::string login =
        R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"bob"},"password":"secret of bob"})";
    const Answer second = post("/login", login, "");
    ASSERT_EQ(second.status, 200) << second.body;
    set(gateway.pusher("first"), bob);
    set(gateway.pusher("second"), second.text("access_token"));
    EXPECT_EQ(post("/logout", "", bob).status, 200);
    ASSERT_EQ(pushers(second.text("access_token")).size(), 1U);
    EXPECT_EQ(pushers(second.text("access_token")).at(0).at("pushkey"), "second");
}

TEST_F(PusherTest, BadOnesAreRefused) {
    const auto with = [&](const std::string& key, const std::string& value) {
        boost::json::object body = boost::json::parse(gateway.pusher("key")).as_object();
        if (value.empty()) {
            body.erase(key);
        } else {
            body[key] = boost::json::parse(value);
        }
        return boost::json::serialize(body);
    };
    const std::string path = "/_matrix/push/v1/notify";
    const std::pair<std::string, std::string> refused[] = {
        {"[]", "M_BAD_JSON"},
        {R"({"kind":null,"app_id":"x"})", "M_MISSING_PARAM"},
        {with("lang", ""), "M_MISSING_PARAM"},
        {with("kind", ""), "M_MISSING_PARAM"},
        {with("kind", "\"email\""), "M_INVALID_PARAM"},
        {with("kind", "7"), "M_INVALID_PARAM"},
        {with("append", "7"), "M_INVALID_PARAM"},
        {with("pushkey", "\"\""), "M_INVALID_PARAM"},
        {with("pushkey", "\"" + std::string(513, 'x') + "\""), "M_INVALID_PARAM"},
        {with("app_id", "\"" + std::string(65, 'x') + "\""), "M_INVALID_PARAM"},
        {with("data", "7"), "M_INVALID_PARAM"},
        {with("data", "{}"), "M_MISSING_PARAM"},
        {with("data", R"({"url":7})"), "M_INVALID_PARAM"},
        {with("data", R"({"url":"nonsense"})"), "M_INVALID_PARAM"},
        {with("data", R"({"url":"ftp://example.org)" + path + "\"}"), "M_INVALID_PARAM"},
        {with("data", R"({"url":"https://user:pw@example.org)" + path + "\"}"), "M_INVALID_PARAM"},
        {with("data", R"({"url":"https://example.org/other"})"), "M_INVALID_PARAM"},
        {with("data", R"({"url":"https://example.org)" + path + R"(","format":"long"})"), "M_INVALID_PARAM"},
    };
    for (const auto& [body, errcode] : refused) {
        const Answer answer = post("/pushers/set", body, bob);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.text("errcode"), errcode) << body << answer.body;
    }
    EXPECT_TRUE(pushers(bob).empty());
    EXPECT_EQ(post("/pushers/set", gateway.pusher("key"), "").status, 401);
}

TEST_F(PusherTest, TellsTheGatewayWhatARuleNotifiesAbout) {
    const std::string room = room_of_both();
    set(gateway.pusher("key", R"(,"default_payload":{"aps":{}})"), bob);
    const Answer sent_event = send(room, "hello Bob", alice);
    const boost::json::object told = gateway.next();
    EXPECT_EQ(told.at("event_id").as_string(), sent_event.text("event_id"));
    EXPECT_EQ(told.at("room_id").as_string(), room);
    EXPECT_EQ(told.at("type"), "m.room.message");
    EXPECT_EQ(told.at("sender"), "@alice:hs.test");
    EXPECT_EQ(told.at("sender_display_name"), "alice");
    EXPECT_EQ(told.at("room_name"), "Lounge");
    EXPECT_EQ(told.at("prio"), "high");
    EXPECT_EQ(told.at("content").at("body"), "hello Bob");
    EXPECT_EQ(boost::json::serialize(told.at("counts")), R"({"unread":1})");
    ASSERT_EQ(told.at("devices").as_array().size(), 1U);
    const boost::json::value& device = told.at("devices").at(0);
    EXPECT_EQ(device.at("app_id"), "org.example.app");
    EXPECT_EQ(device.at("pushkey"), "key");
    EXPECT_GT(device.at("pushkey_ts").as_int64(), 1'000'000'000);
    EXPECT_LT(device.at("pushkey_ts").as_int64(), 100'000'000'000) << "in seconds";
    EXPECT_EQ(boost::json::serialize(device.at("data")), R"({"default_payload":{"aps":{}}})");
    EXPECT_EQ(device.at("tweaks").at("highlight"), true);
    EXPECT_EQ(device.at("tweaks").at("sound"), "default");
    // In order, and nothing of what no rule notifies about.
    EXPECT_EQ(send(room, "mine", bob).status, 200);
    EXPECT_EQ(put("/rooms/" + room + "/state/m.room.topic", R"({"topic":"x"})", alice).status, 200);
    EXPECT_EQ(send(room, "two", alice).status, 200);
    EXPECT_EQ(send(room, "three", alice).status, 200);
    EXPECT_EQ(gateway.next().at("content").at("body"), "two");
    EXPECT_EQ(gateway.next().at("content").at("body"), "three");
    EXPECT_TRUE(gateway.was_told_nothing());
}

TEST_F(PusherTest, TellsOfInvitationsAndOnlyIdsWhereThatIsWanted) {
    set(gateway.pusher("key", R"(,"format":"event_id_only")"), bob);
    const std::string room = create_room(alice, R"({"invite":["@bob:hs.test"]})");
    const boost::json::object told = gateway.next();
    EXPECT_EQ(told.at("room_id").as_string(), room);
    EXPECT_TRUE(told.at("event_id").as_string().starts_with("$"));
    EXPECT_FALSE(told.contains("content"));
    EXPECT_FALSE(told.contains("sender"));
    EXPECT_FALSE(told.contains("room_name"));
    EXPECT_EQ(boost::json::serialize(told.at("devices").at(0).at("data")), R"({"format":"event_id_only"})");
}

TEST_F(PusherTest, IsRemovedWhenTheGatewayRejectsIt) {
    const std::string room = room_of_both();
    set(gateway.pusher("gone"), bob);
    gateway.answer_next(200, R"({"rejected":["another","gone"]})");
    EXPECT_EQ(send(room, "one", alice).status, 200);
    EXPECT_EQ(gateway.next().at("content").at("body"), "one");
    EXPECT_TRUE(server.log_shows("a gateway rejected a pusher of @bob:hs.test"));
    EXPECT_EQ(send(room, "two", alice).status, 200);
    set(gateway.pusher("new"), bob);
    EXPECT_EQ(send(room, "three", alice).status, 200);
    EXPECT_EQ(gateway.next().at("content").at("body"), "three") << "nothing of what came before it was set";
    ASSERT_EQ(pushers(bob).size(), 1U);
}

TEST_F(PusherTest, TriesAgainWhatAGatewayFailedToTake) {
    const std::string room = room_of_both();
    set(gateway.pusher("key"), bob);
    gateway.answer_next(500, "broken");
    gateway.answer_next(200, "no JSON");
    EXPECT_EQ(send(room, "one", alice).status, 200);
    EXPECT_EQ(send(room, "two", alice).status, 200);
    for (const char* const body : {"one", "one", "one", "two"}) EXPECT_EQ(gateway.next().at("content").at("body"), body);
    EXPECT_TRUE(gateway.was_told_nothing());
}

TEST_F(PusherTest, AStalledGatewayHoldsNobodyUp) {
    const HttpTestServer silent(nullptr);
    const std::string room = room_of_both();
    const std::string stalled = R"({"kind":"http","app_id":"a","app_display_name":"A","device_display_name":"D","lang":"en",)"
                                R"("pushkey":"k","data":{"url":"http://)" +
                                silent.address() + R"(/_matrix/push/v1/notify"}})";
    set(stalled, bob);
    set(gateway.pusher("key"), bob);
    EXPECT_EQ(send(room, "one", alice).status, 200);
    EXPECT_EQ(send(room, "two", alice).status, 200);
    EXPECT_EQ(gateway.next().at("content").at("body"), "one");
    EXPECT_EQ(gateway.next().at("content").at("body"), "two");
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(std::chrono::seconds(6)), 0) << "nor the end of the server";
}

TEST_F(PusherTest, WhatWasNotToldIsToldAfterARestart) {
    const std::string room = room_of_both();
    const HttpTestServer silent(nullptr);
    set(gateway.pusher("key"), bob);
    gateway.answer_next(500, "broken");
    EXPECT_EQ(send(room, "survives", alice).status, 200);
    EXPECT_EQ(gateway.next().at("content").at("body"), "survives");
    server.kill();
    const ServerProcess again(folder.path(), reaches_loopback);
    EXPECT_EQ(gateway.next().at("content").at("body"), "survives");
}

TEST_F(PusherTest, TellsNothingToWhoseAccountHasExpired) {
    const std::string room = room_of_both();
    const std::string expired = server.register_user("expired");
    EXPECT_EQ(post("/join/" + room, "{}", expired).status, 200);
    set(gateway.pusher("key of expired"), expired);
    set(gateway.pusher("key of bob"), bob);
    server.kill();
    const ServerProcess again(folder.path(), reaches_loopback + "modules:\n  - module: stubborn.Stubborn\n");
    for (const char* const text : {"one", "two"}) {
        const std::string body = R"({"msgtype":"m.text","body":")" + std::string(text) + "\"}";
        EXPECT_EQ(again.request("PUT", client + "/rooms/" + room + "/send/m.room.message/" + text, body, alice).status, 200);
        const boost::json::object told = gateway.next();
        EXPECT_EQ(told.at("content").at("body"), text);
        EXPECT_EQ(told.at("devices").at(0).at("pushkey"), "key of bob");
    }
    EXPECT_TRUE(gateway.was_told_nothing());
}

class BlockedPusherTest : public PusherTest {
protected:
    BlockedPusherTest() : PusherTest("") {}
};

TEST_F(BlockedPusherTest, ReachesNothingInsideTheNetwork) {
    const std::string room = room_of_both();
    set(gateway.pusher("key"), bob);
    EXPECT_EQ(send(room, "one", alice).status, 200);
    EXPECT_TRUE(server.log_shows("a push to @bob:hs.test failed: modules may not reach 127.0.0.1"));
    EXPECT_TRUE(gateway.was_told_nothing());
}

TEST(RetryDelayTest, DoublesUpToAnHour) {
    homeserver::RetryDelay delay;
    std::chrono::seconds total(0);
    for (const int seconds : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600}) {
        const std::chrono::seconds wait = delay.next();
        EXPECT_EQ(wait.count(), seconds);
        total += wait;
    }
    delay.reset();
    EXPECT_EQ(delay.next().count(), 1);
}

}  // namespace
