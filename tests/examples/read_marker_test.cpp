#include "room_test.h"

#include <future>

namespace {

using namespace homeserver_test;

/// Alice and bob in a room with two messages of alice.
class ReadMarkerTest : public RoomTest {
protected:
    ReadMarkerTest() : RoomTest("modules:\n  - module: probe.Probe\n    config: {name: a}\n") {
        EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    }

    [[nodiscard]] std::string receipt_path(const std::string& type, const std::string& event) const {
        return "/rooms/" + room + "/receipt/" + type + "/" + event;
    }
    [[nodiscard]] Answer mark(const std::string& body, const std::string& token) const {
        return post("/rooms/" + room + "/read_markers", body, token);
    }
    [[nodiscard]] Answer sync(const std::string& token, const std::string& arguments = {}) const {
        return get("/sync?" + arguments, token);
    }
    /// The contents of the room's m.receipt events in a sync's answer, times left out.
    [[nodiscard]] std::string receipts(const Answer& answer) const {
        boost::json::array contents;
        const boost::json::object& joined = answer.body.at("rooms").at("join").as_object();
        if (!joined.contains(room) || !joined.at(room).as_object().contains("ephemeral")) return "[]";
        for (const boost::json::value& event : joined.at(room).at("ephemeral").at("events").as_array()) {
            EXPECT_EQ(event.at("type"), "m.receipt");
            boost::json::object content = event.at("content").as_object();
            for (auto& [event_id, types] : content) {
                for (auto& [type, users] : types.as_object()) {
                    for (auto& [user, data] : users.as_object()) {
                        EXPECT_GT(data.at("ts").as_int64(), 1'600'000'000'000);
                        data.as_object().erase("ts");
                    }
                }
            }
            contents.emplace_back(std::move(content));
        }
        return boost::json::serialize(contents);
    }
    /// The event that the room's read marker stands at, as a sync tells it; empty if it doesn't.
    [[nodiscard]] std::string marker(const Answer& answer) const {
        const boost::json::object& joined = answer.body.at("rooms").at("join").as_object();
        if (!joined.contains(room)) return {};
        for (const boost::json::value& event : joined.at(room).at("account_data").at("events").as_array()) {
            if (event.at("type") == "m.fully_read") return std::string(event.at("content").at("event_id").as_string());
        }
        return {};
    }

    std::string alice = server.register_user("alice");
    std::string bob = server.register_user("bob");
    std::string room = create_room(alice, R"({"preset":"public_chat"})");
    std::string first = send(room, "first", alice).text("event_id");
    std::string second = send(room, "second", alice).text("event_id");
};

TEST_F(ReadMarkerTest, AReceiptIsToldToEverybodyInTheRoom) {
    const std::string since = sync(alice).text("next_batch");
    EXPECT_EQ(post(receipt_path("m.read", first), "{}", bob).status, 200);
    const std::string told = R"([{")" + first + R"(":{"m.read":{"@bob:hs.test":{}}}}])";
    const Answer news = sync(alice, "since=" + since);
    EXPECT_EQ(receipts(news), told);
    EXPECT_EQ(receipts(sync(bob)), told);
    EXPECT_EQ(receipts(sync(alice, "since=" + news.text("next_batch"))), "[]");
    const std::string carol = server.register_user("carol");
    const std::string before = sync(carol).text("next_batch");
    EXPECT_EQ(post("/join/" + room, "{}", carol).status, 200);
    EXPECT_EQ(receipts(sync(carol, "since=" + before)), told);
}

TEST_F(ReadMarkerTest, AWaitingSyncIsWokenByAReceipt) {
    const std::string since = sync(alice).text("next_batch");
    std::future<Answer> waiting = std::async(std::launch::async, [&] { return sync(alice, "timeout=30000&since=" + since); });
    EXPECT_EQ(post(receipt_path("m.read", first), "", bob).status, 200);
    EXPECT_NE(receipts(waiting.get()), "[]");
}

TEST_F(ReadMarkerTest, APrivateReceiptIsToldToItsUserOnly) {
    EXPECT_EQ(post(receipt_path("m.read.private", first), "{}", bob).status, 200);
    EXPECT_EQ(receipts(sync(alice)), "[]");
    EXPECT_EQ(receipts(sync(bob)), R"([{")" + first + R"(":{"m.read.private":{"@bob:hs.test":{}}}}])");
}

TEST_F(ReadMarkerTest, AReceiptOfAThreadStandsBesideThatOfTheRoom) {
    EXPECT_EQ(post(receipt_path("m.read", first), "{}", bob).status, 200);
    EXPECT_EQ(post(receipt_path("m.read", first), R"({"thread_id":"main"})", bob).status, 200);
    EXPECT_EQ(receipts(sync(alice)), R"([{")" + first + R"(":{"m.read":{"@bob:hs.test":{}}}},{")" + first +
                                         R"(":{"m.read":{"@bob:hs.test":{"thread_id":"main"}}}}])");
}

TEST_F(ReadMarkerTest, AMarkNeverMovesBack) {
    const std::string all_at = R"({"m.fully_read":"EVENT","m.read":"EVENT","m.read.private":"EVENT"})";
    const auto at = [&](const std::string& event) {
        std::string body = all_at;
        for (std::size_t found = 0; (found = body.find("EVENT")) != std::string::npos;) body.replace(found, 5, event);
        return body;
    };
    EXPECT_EQ(mark(at(second), bob).status, 200);
    const Answer before = sync(bob);
    EXPECT_EQ(receipts(before),
              R"([{")" + second + R"(":{"m.read":{"@bob:hs.test":{}},"m.read.private":{"@bob:hs.test":{}}}}])");
    EXPECT_EQ(marker(before), second);
    EXPECT_EQ(mark(at(first), bob).status, 200);
    EXPECT_TRUE(sync(bob, "since=" + before.text("next_batch")).body.at("rooms").at("join").as_object().empty());
    EXPECT_EQ(marker(sync(bob)), second);
}

TEST_F(ReadMarkerTest, AReadMarkerIsAccountDataThatModulesAreToldOf) {
    EXPECT_EQ(post(receipt_path("m.fully_read", first), "{}", bob).status, 200);
    EXPECT_EQ(mark(R"({"m.fully_read":")" + second + R"(","m.read":null})", bob).status, 200);
    EXPECT_EQ(mark(R"({"m.fully_read":")" + second + "\"}", bob).status, 200);  // moves nothing
    const std::string stored = "/user/@bob:hs.test/rooms/" + room + "/account_data/m.fully_read";
    EXPECT_EQ(get(stored, bob).text("event_id"), second);
    EXPECT_EQ(marker(sync(alice)), "");
    const Answer journal = server.request("GET", "/_synapse/client/probe/a");
    boost::json::array told;
    for (const boost::json::value& record : journal.body.at("journal").as_array()) {
        if (record.at("callback") == "on_account_data_updated") told.push_back(record);
    }
    ASSERT_EQ(told.size(), 2U) << boost::json::serialize(told);
    EXPECT_EQ(told[1].at("user_id"), "@bob:hs.test");
    EXPECT_EQ(told[1].at("room_id").as_string(), room);
    EXPECT_EQ(told[1].at("account_data_type"), "m.fully_read");
}

TEST_F(ReadMarkerTest, WhatCannotBeMarkedIsRefusedAndNothingIsKept) {
    const std::string carol = server.register_user("carol");
    expect_error(post(receipt_path("m.read", first), "{}", carol), 403, "M_FORBIDDEN",
                 "User @carol:hs.test not in room " + room);
    expect_error(mark("{}", carol), 403, "M_FORBIDDEN", "User @carol:hs.test not in room " + room);
    expect_error(post(receipt_path("m.read", "$none"), "{}", bob), 404, "M_NOT_FOUND", "Could not find event $none");
    EXPECT_EQ(post(receipt_path("m.unread", first), "{}", bob).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(post(receipt_path("m.read", first), R"({"thread_id":""})", bob).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(post(receipt_path("m.read", first), R"({"thread_id":5})", bob).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(post(receipt_path("m.fully_read", first), R"({"thread_id":"main"})", bob).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(mark("", bob).text("errcode"), "M_NOT_JSON");
    EXPECT_EQ(mark(R"({"m.read":5})", bob).text("errcode"), "M_INVALID_PARAM");
    EXPECT_EQ(mark(R"({"m.read":")" + first + R"(","m.fully_read":"$none"})", bob).text("errcode"), "M_NOT_FOUND");
    EXPECT_EQ(post(receipt_path("m.read", first), "{}", "").text("errcode"), "M_MISSING_TOKEN");
    EXPECT_EQ(receipts(sync(bob)), "[]");
    EXPECT_EQ(marker(sync(bob)), "");
}

TEST_F(ReadMarkerTest, AFilterKeepsReceiptsOutOfASync) {
    EXPECT_EQ(post(receipt_path("m.read", first), "{}", bob).status, 200);
    const std::string filter = "%7B%22room%22:%7B%22ephemeral%22:%7B%22not_types%22:%5B%22m.receipt%22%5D%7D%7D%7D";
    EXPECT_EQ(receipts(sync(alice, "filter=" + filter)), "[]");
}

}  // namespace
