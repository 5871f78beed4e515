#include "module_api_test.h"
#include "patience.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace {

using namespace homeserver_test;
using testing::ElementsAre;
using Texts = std::vector<std::string>;

class ModuleApiRoomsTest : public ModuleApiServer {
protected:
    ModuleApiRoomsTest() : alice(server.register_user("alice")), bob(server.register_user("bob")) {}

    /// Arguments that begin with a room.
    [[nodiscard]] static std::string of(const std::string& room, const std::string& others = {}) {
        return "[\"" + room + "\"" + (others.empty() ? "" : "," + others) + "]";
    }
    [[nodiscard]] boost::json::object change(const std::string& sender, const std::string& target, const std::string& room,
                                             const std::string& membership, const std::string& content = "{}") const {
        return call("update_room_membership", "[\"@" + sender + ":hs.test\",\"@" + target + ":hs.test\",\"" + room + "\",\"" +
                                                  membership + "\"," + content + "]");
    }
    [[nodiscard]] Texts callbacks_of_a_member_event() const {
        Texts seen = asked();
        std::erase_if(seen, [](const std::string& callback) { return callback == "on_new_event"; });
        return seen;
    }

    std::string alice;
    std::string bob;
};

TEST_F(ModuleApiRoomsTest, ReadsStateOfAllOrOfSomeTypes) {
    const std::string room = create_room(alice, R"({"name":"Lounge","topic":"talk"})");
    const boost::json::value all = result("get_room_state", of(room));
    EXPECT_EQ(all.at("m.room.name|").at("name"), "Lounge");
    EXPECT_EQ(all.at("m.room.member|@alice:hs.test").at("membership"), "join");
    EXPECT_EQ(result("get_room_state", of(room, "[]")).as_object().size(), all.as_object().size()) << "an empty filter";
    EXPECT_EQ(json("get_room_state", of(room, R"([["m.room.name"],["m.room.topic",""]])")),
              R"({"m.room.name|":{"name":"Lounge"},"m.room.topic|":{"topic":"talk"}})");
    EXPECT_EQ(json("get_room_state", of(room, R"([["m.room.member","@bob:hs.test"]])")), "{}");
    EXPECT_EQ(json("get_room_state", of("!unknown:hs.test")), "{}");
    EXPECT_EQ(json("get_room_state", of("no room")), "{}");
    const boost::json::value events = result("get_state_events_in_room", of(room, R"([["m.room.member"]])"));
    ASSERT_EQ(events.as_array().size(), 1U);
    EXPECT_EQ(events.at(0).at("state_key"), "@alice:hs.test");
    EXPECT_EQ(json("get_state_events_in_room", of(room, "[]")), "[]");
}

TEST_F(ModuleApiRoomsTest, FindsEventsAndMembers) {
    const std::string room = create_room(alice, R"({"preset":"public_chat","invite":["@root:hs.test"]})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const std::string event_id = send(room, "hello", alice).text("event_id");
    const boost::json::value event = result("get_event", of(event_id));
    EXPECT_EQ(event.at("content").at("body"), "hello");
    EXPECT_EQ(event.at("room_id"), boost::json::value(room));
    EXPECT_EQ(json("get_event", of("$unknown")), "null");
    EXPECT_EQ(json("get_members", of(room)), R"(["@alice:hs.test","@bob:hs.test"])");
    EXPECT_EQ(json("get_members", of(room, R"("invite")")), R"(["@root:hs.test"])");
    EXPECT_EQ(json("get_members", of("!unknown:hs.test")), "[]");
    EXPECT_EQ(json("get_rooms_for_user", R"(["@bob:hs.test"])"), "[\"" + room + "\"]");
    EXPECT_EQ(json("get_rooms_for_user", R"(["@root:hs.test","invite"])"), "[\"" + room + "\"]");
}

TEST_F(ModuleApiRoomsTest, SendsEventsAsLocalUsers) {
    const std::string room = create_room(alice);
    const auto event = [&](const std::string& sender, const std::string& type, const std::string& rest) {
        return R"([{"type":")" + type + R"(","room_id":")" + room + R"(","sender":")" + sender + R"(")" + rest + "}]";
    };
    const std::string topic = event("@alice:hs.test", "m.room.topic", R"(,"state_key":"","content":{"topic":"news"})");
    const boost::json::value first = result("create_and_send_event_into_room", topic);
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "news");
    EXPECT_EQ(result("create_and_send_event_into_room", topic).at("event_id"), first.at("event_id")) << "the same state again";
    EXPECT_EQ(error_text(call("create_and_send_event_into_room",
                              event("@bob:hs.test", "m.room.message", R"(,"content":{"body":"x"})"))),
              "403 M_FORBIDDEN User @bob:hs.test not in room " + room);
    EXPECT_EQ(error_text(call("create_and_send_event_into_room",
                              event("@alice:hs.test", "m.room.message", R"(,"content":{"body":"deny rule"})"))),
              "403 M_FORBIDDEN This event is not allowed in this context");
    EXPECT_EQ(error_text(call("create_and_send_event_into_room",
                              event("@alice:hs.test", "m.room.message", R"(,"content":{"body":"spam code"})"))),
              "403 M_FORBIDDEN This message had been rejected as probable spam");
}

TEST_F(ModuleApiRoomsTest, TakesBackAnEventAsAClientDoes) {
    const std::string room = create_room(alice);
    const std::string event_id = send(room, "regretted", alice).text("event_id");
    const boost::json::value redaction =
        result("create_and_send_event_into_room", R"([{"type":"m.room.redaction","room_id":")" + room +
                                                      R"(","sender":"@alice:hs.test","redacts":")" + event_id +
                                                      R"(","content":{}}])");
    EXPECT_EQ(redaction.at("type"), "m.room.redaction");
    EXPECT_TRUE(get("/rooms/" + room + "/event/" + event_id, alice).body.at("content").as_object().empty());
}

TEST_F(ModuleApiRoomsTest, TakesBackForNobodyWhatTheyMayNotTakeBack) {
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const std::string event_id = send(room, "stays", alice).text("event_id");
    const auto redaction = [&](const std::string& sender, const std::string& redacted) {
        return error_text(call("create_and_send_event_into_room",
                               R"([{"type":"m.room.redaction","room_id":")" + room + R"(","sender":")" + sender +
                                   R"(","redacts":")" + redacted + R"(","content":{}}])"));
    };
    EXPECT_EQ(redaction("@bob:hs.test", event_id), "403 M_FORBIDDEN You don't have permission to redact events");
    EXPECT_EQ(redaction("@bob:hs.test", "$unknown"), "404 M_NOT_FOUND Could not find event $unknown");
    EXPECT_EQ(get("/rooms/" + room + "/event/" + event_id, alice).body.at("content").at("body"), "stays");
}

TEST_F(ModuleApiRoomsTest, SendsAnEventOnlyWhileTheStateIsAsTheModuleSawIt) {
    const std::string room = create_room(alice);
    const auto topic = [&](const std::string& text, const std::string& expected) {
        return R"([{"type":"m.room.topic","room_id":")" + room + R"(","sender":"@alice:hs.test","state_key":"","content":)" +
               R"({"topic":")" + text + R"("}},"m.room.topic","")" + expected + "]";
    };
    const boost::json::value first = result("send_event_if", topic("one", ""));
    ASSERT_TRUE(first.is_object()) << first;
    const std::string first_id(first.at("event_id").as_string());
    EXPECT_EQ(json("send_event_if", topic("two", "")), "null") << "it is set by now";
    EXPECT_EQ(json("send_event_if", topic("two", R"(,"$other")")), "null");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "one");
    EXPECT_TRUE(result("send_event_if", topic("two", ",\"" + first_id + "\"")).is_object());
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.topic", alice).text("topic"), "two");
}

TEST_F(ModuleApiRoomsTest, ChangesMembershipsAsAClientWould) {
    const std::string room = create_room(alice);
    static_cast<void>(callbacks_of_a_member_event());
    const boost::json::object invited = change("alice", "bob", room, "invite", R"({"is_direct":true})");
    const boost::json::value& invitation = invited.at("result").at("content");
    EXPECT_EQ(invitation.at("membership"), "invite");
    EXPECT_EQ(invitation.at("is_direct"), true);
    EXPECT_EQ(invitation.at("displayname"), "bob") << "the target's profile";
    EXPECT_FALSE(invitation.as_object().contains("avatar_url")) << "which has none";
    EXPECT_EQ(callbacks_of_a_member_event(), (Texts{"user_may_invite", "check_event_allowed"}));
    const boost::json::object joined = change("bob", "bob", room, "join", R"({"displayname":"Bobby"})");
    EXPECT_EQ(joined.at("result").at("content").at("displayname"), "Bobby");
    EXPECT_EQ(callbacks_of_a_member_event(), (Texts{"user_may_join_room", "check_event_allowed"}));
    EXPECT_EQ(send(room, "hello", bob).status, 200);

    for (const auto& [membership, stored] :
         {std::pair("kick", "leave"), std::pair("ban", "ban"), std::pair("unban", "leave")}) {
        const boost::json::object changed = change("alice", "bob", room, membership);
        ASSERT_TRUE(changed.contains("result")) << changed;
        EXPECT_EQ(changed.at("result").at("content").at("membership"), stored);
        EXPECT_EQ(changed.at("result").at("sender"), "@alice:hs.test");
    }
    EXPECT_EQ(error_text(change("alice", "bob", room, "kick")),
              "403 ORG.MATRIX.MSC3848.NOT_JOINED The target user is not in the room");
    EXPECT_EQ(error_text(change("alice", "bob", room, "unban")), "403 M_BAD_STATE Cannot unban user who was not banned");
    EXPECT_EQ(error_text(change("bob", "bob", room, "join")).substr(0, 15), "403 M_FORBIDDEN") << "a private room";
    const boost::json::object unknown = change("alice", "stranger", room, "invite");
    EXPECT_EQ(unknown.at("result").at("content").at("displayname"), "stranger");
    EXPECT_EQ(error_text(change("alice", "noinvite1", room, "invite")),
              "403 M_FORBIDDEN Invites have been disabled on this server");
}

TEST_F(ModuleApiRoomsTest, CreatesRoomsAsAClientWould) {
    static_cast<void>(asked());
    const boost::json::value made = result(
        "create_room", R"(["@alice:hs.test",{"name":"Lounge","room_alias_name":"lounge"},true,{"displayname":"The Host"}])");
    const std::string room(made.at(0).as_string());
    EXPECT_EQ(made.at(1), "#lounge:hs.test");
    const Texts seen = asked();
    ASSERT_GE(seen.size(), 3U);
    EXPECT_EQ(Texts(seen.begin(), seen.begin() + 3),
              (Texts{"on_create_room", "user_may_create_room", "check_visibility_can_be_modified"}));
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.name", alice).text("name"), "Lounge");
    EXPECT_EQ(get("/rooms/" + room + "/state/m.room.member/@alice:hs.test", alice).text("displayname"), "The Host");
    EXPECT_EQ(text("get_canonical_room_alias", of(room)), "#lounge:hs.test");
    EXPECT_EQ(json("lookup_room_alias", R"(["#lounge:hs.test"])"), "[\"" + room + "\",[\"hs.test\"]]");
    EXPECT_TRUE(result("create_room", R"(["@alice:hs.test",{}])").at(1).is_null());
    EXPECT_EQ(error_text(call("create_room", R"(["@alice:hs.test",{"name":"forbidden"}])")),
              "403 ORG_EXAMPLE_NO_ROOM no such rooms");
    EXPECT_EQ(error_text(call("create_room", R"(["@alice:hs.test",{"room_alias_name":"lounge"}])")),
              "400 M_ROOM_IN_USE Room alias already taken");
}

TEST_F(ModuleApiRoomsTest, ACanonicalAliasThatIsNoneIsNone) {
    const std::string room = create_room(alice);
    EXPECT_EQ(json("get_canonical_room_alias", of(room)), "null");
    EXPECT_EQ(json("get_canonical_room_alias", of("!unknown:hs.test")), "null");
    const std::string event = R"([{"type":"m.room.canonical_alias","state_key":"","room_id":")" + room +
                              R"(","sender":"@alice:hs.test","content":{"alias":"no alias"}}])";
    static_cast<void>(result("create_and_send_event_into_room", event));
    EXPECT_EQ(json("get_canonical_room_alias", of(room)), "null");
}

TEST_F(ModuleApiRoomsTest, DeletesRoomsInTheBackground) {
    const std::string room = create_room(alice, R"({"preset":"public_chat","room_alias_name":"gone"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    static_cast<void>(asked());
    EXPECT_EQ(json("delete_room", of(room)), "null");
    EXPECT_EQ(json("delete_room", of(room)), "null") << "already being deleted, or gone: nothing happens";
    for (const Patience patience; patience.is_left() && json("get_room_state", of(room)) != "{}";) continue;
    EXPECT_EQ(json("get_room_state", of(room)), "{}");
    EXPECT_EQ(json("get_rooms_for_user", R"(["@bob:hs.test"])"), "[]");
    EXPECT_EQ(error_text(call("lookup_room_alias", R"(["#gone:hs.test"])")),
              "404 M_NOT_FOUND Room alias #gone:hs.test not found");
    const boost::json::array seen = journal();
    const auto question = std::find_if(seen.begin(), seen.end(), [](const boost::json::value& record) {
        return record.at("callback") == "check_can_shutdown_room";
    });
    ASSERT_NE(question, seen.end());
    EXPECT_TRUE(question->at("user_id").is_null()) << "a module asks for nobody";
    EXPECT_EQ(json("delete_room", of("!unknown:hs.test")), "null");
}

TEST_F(ModuleApiRoomsTest, PutsRoomsIntoThePublicListAndTakesThemOut) {
    const std::string room = create_room(alice);
    static_cast<void>(asked());
    const auto is_listed = [&] { return json("public_room_list_manager.room_is_in_public_room_list", of(room)); };
    EXPECT_EQ(is_listed(), "false");
    EXPECT_EQ(json("public_room_list_manager.add_room_to_public_room_list", of(room)), "null");
    EXPECT_EQ(is_listed(), "true");
    EXPECT_EQ(get("/directory/list/room/" + room, alice).text("visibility"), "public");
    EXPECT_EQ(json("public_room_list_manager.remove_room_from_public_room_list", of(room)), "null");
    EXPECT_EQ(is_listed(), "false");
    EXPECT_EQ(asked(), Texts()) << "nobody is asked";
    EXPECT_EQ(json("public_room_list_manager.room_is_in_public_room_list", of("!unknown:hs.test")), "false");
}

TEST_F(ModuleApiRoomsTest, HasOneStateEventOfARoom) {
    const std::string room = create_room(alice, R"({"name":"The hall"})");
    const boost::json::value name = result("get_state_event", "[\"" + room + "\",\"m.room.name\"]");
    EXPECT_EQ(name.at("content").at("name"), "The hall");
    EXPECT_EQ(name.at("state_key"), "");
    EXPECT_EQ(result("get_state_event", "[\"" + room + "\",\"m.room.member\",\"@alice:hs.test\"]").at("sender"),
              "@alice:hs.test");
    EXPECT_EQ(json("get_state_event", "[\"" + room + "\",\"m.room.member\",\"@bob:hs.test\"]"), "null");
    EXPECT_EQ(json("get_state_event", R"(["!unknown:hs.test","m.room.name"])"), "null");
}

TEST_F(ModuleApiRoomsTest, EveryMethodThrowsWhatIsDocumented) {
    const std::string no_sigil = "400 M_INVALID_PARAM Expected UserID string to start with '@'";
    const std::string room = create_room(alice);
    const auto membership = [&](const std::string& sender, const std::string& target, const std::string& where,
                                const std::string& word) {
        return "[\"" + sender + "\",\"" + target + "\",\"" + where + "\",\"" + word + "\"]";
    };
    const std::string me = "@alice:hs.test";
    const std::vector<Refusal> refusals = {
        {"update_room_membership", membership("alice", me, room, "join"), no_sigil},
        {"update_room_membership", membership(me, "bob", room, "invite"), no_sigil},
        {"update_room_membership", membership("@a:other.test", me, room, "invite"),
         "400 M_UNKNOWN @a:other.test is not a user of this homeserver"},
        {"update_room_membership", membership("@nobody:hs.test", "@nobody:hs.test", room, "join"),
         "runtime_error @nobody:hs.test is not a user of this homeserver"},
        {"update_room_membership", membership(me, me, room, "dance"), "400 M_UNKNOWN Invalid membership key"},
        {"update_room_membership", membership(me, me, "!unknown:hs.test", "join"), "404 M_NOT_FOUND No known servers"},
        {"create_room", R"(["alice",{}])", no_sigil},
        {"create_room", R"(["@a:other.test",{}])", "400 M_UNKNOWN @a:other.test is not a user of this homeserver"},
        {"create_room", R"(["@nobody:hs.test",{}])", "runtime_error @nobody:hs.test is not a user of this homeserver"},
        {"create_room", R"(["@alice:hs.test",{"room_version":"1"}])",
         "400 M_UNSUPPORTED_ROOM_VERSION Your homeserver does not support this room version"},
        {"delete_room", R"(["room"])", "400 M_INVALID_PARAM Expected RoomID string to start with '!'"},
        {"get_canonical_room_alias", R"(["room"])", "400 M_INVALID_PARAM Expected RoomID string to start with '!'"},
        {"lookup_room_alias", R"(["alias"])", "400 M_INVALID_PARAM Expected RoomAlias string to start with '#'"},
        {"lookup_room_alias", R"(["#a:hs.test"])", "404 M_NOT_FOUND Room alias #a:hs.test not found"},
        {"lookup_room_alias", R"(["#a:other.test"])", "404 M_NOT_FOUND Room alias #a:other.test not found"},
        {"public_room_list_manager.add_room_to_public_room_list", of("!unknown:hs.test"), "404 M_UNKNOWN No row found"},
        {"public_room_list_manager.remove_room_from_public_room_list", of("no room"), "404 M_UNKNOWN No row found"},
        {"create_and_send_event_into_room",
         R"([{"type":"m.room.member","state_key":"@alice:hs.test","room_id":"!r:hs.test","sender":"@alice:hs.test","content":{}}])",
         "500 M_UNKNOWN Tried to send member event through non-member codepath"},
        {"create_and_send_event_into_room", R"([{"type":"t","room_id":"!r:hs.test","sender":"@a:other.test","content":{}}])",
         "400 M_UNKNOWN the sender @a:other.test is not local"},
        {"create_and_send_event_into_room", R"([{"type":"t","room_id":"!r:hs.test","sender":"@alice:hs.test","content":{}}])",
         "403 M_FORBIDDEN User @alice:hs.test not in room !r:hs.test"},
        {"create_and_send_event_into_room", R"([{"type":"t"}])", "invalid_argument an event needs a string 'room_id'"},
        {"send_local_online_presence_to", R"([["alice"]])", no_sigil},
        {"set_presence_for_users", R"([{"alice":["online"]}])", no_sigil},
        {"set_presence_for_users", R"([{"@alice:hs.test":["asleep"]}])", "400 M_INVALID_PARAM Invalid presence state"},
    };
    for (const Refusal& refusal : refusals)
        EXPECT_EQ(error_text(call(refusal.method, refusal.arguments)), refusal.error) << refusal;
    EXPECT_EQ(json("get_rooms_for_user", R"(["@alice:hs.test"])"), "[\"" + room + "\"]") << "nothing was made";
}

/// What a sync says of others' presence, as `user:state`.
class ModuleApiPresenceTest : public ModuleApiRoomsTest {
protected:
    [[nodiscard]] Answer sync(const std::string& token, const std::string& since, int timeout_ms = 0) const {
        return get("/sync?timeout=" + std::to_string(timeout_ms) + (since.empty() ? "" : "&since=" + since), token);
    }
    [[nodiscard]] static Texts presences(const Answer& answer) {
        Texts found;
        const boost::json::value* const events = answer.body.at("presence").as_object().if_contains("events");
        if (events == nullptr) return found;
        for (const boost::json::value& event : events->as_array()) {
            found.push_back(std::string(event.at("sender").as_string()) + " " +
                            std::string(event.at("content").at("presence").as_string()));
        }
        return found;
    }
};

TEST_F(ModuleApiPresenceTest, SetsThePresenceOfUsers) {
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(json("set_presence_for_users", R"([{"@alice:hs.test":["unavailable","at lunch"]}])"), "null");
    const Answer status = get("/presence/@alice:hs.test/status", bob);
    EXPECT_EQ(status.text("presence"), "unavailable");
    EXPECT_EQ(status.text("status_msg"), "at lunch");
    const std::string since = sync(bob, {}).text("next_batch");
    EXPECT_EQ(presences(sync(bob, since)), Texts());
    EXPECT_EQ(json("set_presence_for_users", R"([{"@alice:hs.test":["unavailable","at lunch"]}])"), "null");
    EXPECT_THAT(presences(sync(bob, since, 20'000)), ElementsAre("@alice:hs.test unavailable")) << "told again";
    EXPECT_EQ(json("set_presence_for_users", R"([{"@carol:other.test":["online"]}])"), "null");
    EXPECT_EQ(json("set_presence_for_users", "[{}]"), "null");
}

TEST_F(ModuleApiPresenceTest, OneBadStateOfManySetsNothing) {
    EXPECT_EQ(error_text(call("set_presence_for_users", R"([{"@alice:hs.test":["online"],"@bob:hs.test":["asleep"]}])")),
              "400 M_INVALID_PARAM Invalid presence state");
    EXPECT_EQ(get("/presence/@alice:hs.test/status", alice).text("presence"), "offline");
}

TEST_F(ModuleApiPresenceTest, ShowsEveryOnlineUserAtTheNextSyncOnce) {
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", root).status, 200);
    EXPECT_EQ(json("set_presence_for_users", R"([{"@alice:hs.test":["online"],"@root:hs.test":["offline"]}])"), "null");
    const std::string before = sync(bob, {}).text("next_batch");
    EXPECT_EQ(presences(sync(bob, before)), Texts());
    EXPECT_EQ(json("send_local_online_presence_to", R"([["@bob:hs.test","@carol:other.test"]])"), "null");
    const Answer told = sync(bob, before, 20'000);
    EXPECT_THAT(presences(told), ElementsAre("@alice:hs.test online"));
    EXPECT_EQ(presences(sync(bob, told.text("next_batch"))), Texts());
    EXPECT_THAT(presences(sync(bob, before)), ElementsAre("@alice:hs.test online")) << "another device's next sync";
    EXPECT_EQ(json("send_local_online_presence_to", "[[]]"), "null");
}

}  // namespace
