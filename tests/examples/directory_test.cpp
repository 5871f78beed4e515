#include "room_test.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

const std::string probes =
    "modules:\n  - {module: probe.Probe, config: {name: a, unsigned: false}}\n  - {module: probe.Probe, config: {name: b, "
    "unsigned: "
    "false}}\n";

class DirectoryTest : public RoomTest {
protected:
    DirectoryTest() : RoomTest(probes) {}
};

TEST_F(DirectoryTest, AnAliasLeadsToItsRoom) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat","room_alias_name":"lounge"})");
    EXPECT_EQ(get("/directory/room/%23lounge:hs.test", {}).text("room_id"), room);
    EXPECT_EQ(post("/join/%23lounge:hs.test", "{}", bob).text("room_id"), room);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.canonical_alias", bob).text("alias"), "#lounge:hs.test");
    expect_error(post("/createRoom", R"({"room_alias_name":"lounge"})", bob), 400, "M_ROOM_IN_USE", "Room alias already taken");
    expect_error(put("/directory/room/%23lounge:hs.test", R"({"room_id":")" + room + "\"}", alice), 409, "M_UNKNOWN",
                 "Room alias #lounge:hs.test already exists");
    EXPECT_EQ(put("/directory/room/%23other:hs.test", R"({"room_id":")" + room + "\"}", alice).status, 200);
    expect_error(server.request("DELETE", client + "/directory/room/%23other:hs.test", "", bob), 403, "M_FORBIDDEN",
                 "You don't have permission to delete the alias.");
    EXPECT_EQ(server.request("DELETE", client + "/directory/room/%23other:hs.test", "", alice).status, 200);
    expect_error(get("/directory/room/%23other:hs.test", {}), 404, "M_NOT_FOUND", "Room alias #other:hs.test not found");
}

TEST_F(DirectoryTest, OfManyWhoWantAnAliasOneGetsARoom) {
    const std::string alice = server.register_user("alice");
    const std::string body = R"({"room_alias_name":"wanted"})";
    std::vector<std::unique_ptr<RawConnection>> clients;
    for (int number = 0; number < 12; ++number) {
        clients.push_back(std::make_unique<RawConnection>(server.port()));
        clients.back()->send("POST " + client +
                             "/createRoom HTTP/1.1\r\nHost: hs.test\r\nConnection: close\r\nAuthorization: Bearer " + alice +
                             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    int made = 0;
    for (const std::unique_ptr<RawConnection>& each : clients) {
        const std::string answer = each->read_to_end();
        if (answer.starts_with("HTTP/1.1 200 OK")) ++made;
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(get("/joined_rooms", alice).body.at("joined_rooms").as_array().size(), 1U);
}

TEST_F(DirectoryTest, ModulesDecideAboutAliases) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string refusal = "This user is not permitted to create this alias";
    expect_error(put("/directory/room/%23noalias1:hs.test", R"({"room_id":")" + room + "\"}", alice), 403, "M_FORBIDDEN",
                 refusal);
    expect_error(post("/createRoom", R"({"room_alias_name":"noalias2"})", alice), 403, "M_FORBIDDEN", refusal);
    EXPECT_EQ(get("/joined_rooms", alice).body.at("joined_rooms").as_array().size(), 1U);
    EXPECT_EQ(get("/directory/room/%23noalias1:hs.test", {}).status, 404);
}

TEST_F(DirectoryTest, PublishedRoomsAreListed) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"name":"Lounge"})");
    const std::string path = "/directory/list/room/" + room;
    EXPECT_EQ(get(path, {}).text("visibility"), "private");
    EXPECT_TRUE(get("/publicRooms", {}).body.at("chunk").as_array().empty());
    expect_error(put(path, R"({"visibility":"public"})", bob), 403, "M_FORBIDDEN",
                 "This server requires you to be a moderator in the room to edit its room list entry");
    EXPECT_EQ(put(path, R"({"visibility":"public"})", alice).status, 200);
    const Answer listed = get("/publicRooms", {});
    EXPECT_EQ(listed.body.at("chunk").at(0).at("name"), "Lounge");
    EXPECT_EQ(listed.body.at("total_room_count_estimate"), 1);
    EXPECT_TRUE(
        post("/publicRooms", R"({"filter":{"generic_search_term":"kitchen"}})", bob).body.at("chunk").as_array().empty());
    EXPECT_EQ(post("/publicRooms", R"({"filter":{"generic_search_term":"LOUN"}})", bob).body.at("chunk").as_array().size(), 1U);
    EXPECT_EQ(put(path, R"({"visibility":"private"})", alice).status, 200);
    EXPECT_TRUE(get("/publicRooms", {}).body.at("chunk").as_array().empty());
}

TEST_F(DirectoryTest, ModulesDecideAboutPublishing) {
    const std::string nobody = server.register_user("nopublish1");
    const std::string alice = server.register_user("alice");
    const std::string refusal = "This user is not permitted to publish rooms to the room list";
    for (const char* visibility : {R"({"visibility":"public"})", R"({"visibility":"private"})"}) {
        expect_error(put("/directory/list/room/!unknown:hs.test", visibility, nobody), 403, "M_FORBIDDEN", refusal);
    }
    const std::string room = create_room(alice, R"({"topic":"unlisted"})");
    expect_error(put("/directory/list/room/" + room, R"({"visibility":"public"})", alice), 403, "M_UNKNOWN",
                 "Not allowed to publish room");
    EXPECT_EQ(get("/directory/list/room/" + room, {}).text("visibility"), "private");
    EXPECT_EQ(put("/directory/list/room/" + room, R"({"visibility":"private"})", alice).status, 200);
}

TEST_F(DirectoryTest, ARedactionTakesTheContentOutOfTheDatabase) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const std::string event = send(room, "regrettable", alice).text("event_id");
    const std::string path = "/rooms/" + room + "/redact/" + event + "/";
    expect_error(put(path + "r1", "{}", bob), 403, "M_FORBIDDEN", "You don't have permission to redact events");
    const Answer redaction = put(path + "r2", R"({"reason":"oops"})", alice);
    EXPECT_EQ(redaction.status, 200);
    EXPECT_EQ(put(path + "r2", R"({"reason":"oops"})", alice).text("event_id"), redaction.text("event_id"));
    const Answer left = get("/rooms/" + room + "/event/" + event, bob);
    EXPECT_TRUE(left.body.at("content").as_object().empty());
    EXPECT_EQ(left.body.at("unsigned").at("redacted_because").at("content").at("reason"), "oops");
    EXPECT_EQ(left.body.at("unsigned").at("redacted_because").at("content").at("redacts"), boost::json::value(event));
    EXPECT_EQ(left.text("event_id"), event);
    const Answer history = get("/rooms/" + room + "/messages?dir=b&limit=1", bob);
    EXPECT_EQ(history.body.at("chunk").at(0).at("redacts"), boost::json::value(event));
    EXPECT_EQ(history.body.at("chunk").at(0).at("content").at("redacts"), boost::json::value(event));
    EXPECT_EQ(put("/rooms/" + room + "/redact/$unknown/r3", "{}", alice).status, 404);
}

TEST_F(DirectoryTest, ACanonicalAliasLeadsToItsRoom) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"room_alias_name":"lounge"})");
    static_cast<void>(create_room(alice, R"({"room_alias_name":"kitchen"})"));
    const std::string path = "/rooms/" + room + "/state/m.room.canonical_alias";
    const std::string misled = R"({"room_alias_name":"own","initial_state":[{"type":"m.room.canonical_alias","content":)"
                               R"({"alias":"#own:hs.test","alt_aliases":["#elsewhere:hs.test"]}}]})";
    expect_error(post("/createRoom", misled, alice), 400, "M_BAD_ALIAS",
                 "Room alias #elsewhere:hs.test does not point to the room");
    expect_error(put(path, R"({"alias":"#nowhere:hs.test"})", alice), 400, "M_BAD_ALIAS",
                 "Room alias #nowhere:hs.test does not point to the room");
    expect_error(put(path, R"({"alt_aliases":["#lounge:hs.test","#kitchen:hs.test"]})", alice), 400, "M_BAD_ALIAS",
                 "Room alias #kitchen:hs.test does not point to the room");
    expect_error(put(path, R"({"alias":"lounge"})", alice), 400, "M_INVALID_PARAM",
                 "Expected RoomAlias string to start with '#'");
    expect_error(put(path, R"({"alt_aliases":"#lounge:hs.test"})", alice), 400, "M_INVALID_PARAM",
                 "'alt_aliases' must be a list");
    expect_error(put(path, R"({"alias":"#nowhere:hs.test"})", bob), 403, "M_FORBIDDEN",
                 "User @bob:hs.test not in room " + room);
    EXPECT_EQ(get(path, alice).text("alias"), "#lounge:hs.test");
    EXPECT_EQ(server.request("DELETE", client + "/directory/room/%23lounge:hs.test", "", alice).status, 200);
    EXPECT_EQ(put(path, R"({"alias":null,"alt_aliases":["#lounge:hs.test"]})", alice).status, 200) << "it was there before";
    EXPECT_EQ(put(path, "{}", alice).status, 200);
    EXPECT_EQ(put(path, R"({"alias":"#lounge:hs.test"})", alice).status, 400);
    expect_error(put("/directory/room/%23" + std::string(250, 'x') + ":hs.test", R"({"room_id":")" + room + "\"}", alice), 400,
                 "M_INVALID_PARAM", "A room alias has at most 255 bytes");
}

TEST_F(DirectoryTest, WhatReplacedRedactedStateDoesNotShowItAnyMore) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string path = "/rooms/" + room + "/state/m.room.topic";
    const std::string regretted = put(path, R"({"topic":"regrettable"})", alice).text("event_id");
    const std::string event = "/rooms/" + room + "/event/" + put(path, R"({"topic":"fine"})", alice).text("event_id");
    EXPECT_EQ(get(event, alice).body.at("unsigned").at("prev_content").at("topic"), "regrettable");

    EXPECT_EQ(put("/rooms/" + room + "/redact/" + regretted + "/r1", "{}", alice).status, 200);

    EXPECT_TRUE(get(event, alice).body.at("unsigned").at("prev_content").as_object().empty());
    EXPECT_EQ(get(event, alice).body.at("unsigned").at("replaces_state"), boost::json::value(regretted));
    EXPECT_EQ(get(path, alice).text("topic"), "fine");
}

class MediaTest : public RoomTest {
protected:
    MediaTest() : RoomTest(probes) {}
    [[nodiscard]] Answer upload(const std::string& bytes, const std::string& token) const {
        return server.request("POST", "/_matrix/media/v3/upload?filename=a%20b.txt", bytes, token);
    }
    [[nodiscard]] std::size_t files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "media_store")) {
            if (entry.is_regular_file()) ++count;
        }
        return count;
    }
};

TEST_F(MediaTest, AnUploadCanBeDownloadedByEverybody) {
    const std::string alice = server.register_user("alice");
    const std::string uri = upload("{\"picture\": 1}", alice).text("content_uri");
    ASSERT_TRUE(uri.starts_with("mxc://hs.test/")) << uri;
    const Answer file = server.request("GET", "/_matrix/media/v3/download/" + uri.substr(6));
    EXPECT_EQ(file.status, 200);
    EXPECT_EQ(file.body.at("picture"), 1);
    EXPECT_EQ(file.header("Content-Disposition"), "attachment; filename*=utf-8''a%20b.txt");
    expect_error(server.request("GET", "/_matrix/media/v3/download/hs.test/nothing"), 404, "M_NOT_FOUND", "Not found");
    expect_error(server.request("GET", "/_matrix/media/v3/download/other.test/" + uri.substr(14)), 404, "M_NOT_FOUND",
                 "Not found");
    expect_error(upload("x", {}), 401, "M_MISSING_TOKEN", "Missing access token");
}

TEST_F(MediaTest, ARefusedFileDoesntStay) {
    const std::string alice = server.register_user("alice");
    EXPECT_EQ(upload("harmless", alice).status, 200);
    EXPECT_EQ(files(), 1U);
    expect_error(upload(std::string(40'000, 'x') + "EICAR-PROBE", alice), 400, "M_UNKNOWN", "Bad content");
    expect_error(upload(std::string(16'380, 'x') + "EICAR-PROBE", alice), 400, "M_UNKNOWN", "Bad content");
    EXPECT_EQ(files(), 1U);
}

}  // namespace
