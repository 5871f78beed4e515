#include "room_test.h"

#include <algorithm>
#include <future>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

class PushRulesTest : public RoomTest {
protected:
    PushRulesTest() : RoomTest({}, 2), alice(server.register_user("alice")), bob(server.register_user("bob")) {}

    [[nodiscard]] Answer rule(const std::string& method, const std::string& path, const std::string& body = {}) const {
        return server.request(method, client + "/pushrules/global/" + path, body, bob);
    }
    /// The ids of bob's rules of one kind.
    [[nodiscard]] Texts ids(const std::string& kind) const {
        Texts found;
        const Answer answer = get("/pushrules/", bob);
        for (const boost::json::value& rule : answer.body.at("global").at(kind).as_array())
            found.emplace_back(rule.at("rule_id").as_string());
        return found;
    }
    [[nodiscard]] static bool has(const Texts& texts, const std::string& text) {
        return std::find(texts.begin(), texts.end(), text) != texts.end();
    }
    /// A room of alice's that bob and some others are in.
    [[nodiscard]] std::string room_of(int members, const std::string& more = {}) {
        const std::string room = create_room(alice, R"({"preset":"public_chat")" + more + "}");
        EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
        for (int member = 2; member < members; ++member) {
            const std::string other = server.register_user("other" + std::to_string(++others));
            EXPECT_EQ(post("/join/" + room, "{}", other).status, 200);
        }
        return room;
    }
    /// `NOTIFICATIONS HIGHLIGHTS` of a room, as bob's first sync tells them.
    [[nodiscard]] std::string unread(const std::string& room) const {
        const Answer answer = get("/sync", bob);
        const boost::json::value& counts = answer.body.at("rooms").at("join").at(room).at("unread_notifications");
        return std::to_string(counts.at("notification_count").as_int64()) + " " +
               std::to_string(counts.at("highlight_count").as_int64());
    }
    [[nodiscard]] std::string send_content(const std::string& room, const std::string& type, const std::string& content) {
        const Answer answer = put("/rooms/" + room + "/send/" + type + "/c" + std::to_string(++sent), content, alice);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.text("event_id");
    }
    void read(const std::string& room, const std::string& event_id, const std::string& body = "{}") const {
        EXPECT_EQ(post("/rooms/" + room + "/receipt/m.read/" + event_id, body, bob).status, 200);
    }

    std::string alice;
    std::string bob;
    int others = 0;
};

TEST_F(PushRulesTest, EverybodyHasTheDefaultRules) {
    EXPECT_EQ(ids("override"),
              (Texts{".m.rule.master", ".m.rule.suppress_notices", ".m.rule.invite_for_me", ".m.rule.member_event",
                     ".m.rule.is_user_mention", ".m.rule.contains_display_name", ".m.rule.is_room_mention", ".m.rule.roomnotif",
                     ".m.rule.tombstone", ".m.rule.reaction", ".m.rule.room.server_acl", ".m.rule.suppress_edits"}));
    EXPECT_EQ(ids("content"), Texts{".m.rule.contains_user_name"});
    EXPECT_EQ(ids("room"), Texts());
    EXPECT_EQ(ids("sender"), Texts());
    EXPECT_EQ(ids("underride"), (Texts{".m.rule.call", ".m.rule.room_one_to_one", ".m.rule.encrypted_room_one_to_one",
                                       ".m.rule.message", ".m.rule.encrypted", ".im.vector.jitsi"}));
    const Answer name = rule("GET", "content/.m.rule.contains_user_name");
    EXPECT_EQ(name.body.at("pattern"), "bob");
    EXPECT_EQ(name.body.at("default"), true);
    EXPECT_EQ(rule("GET", "override/.m.rule.master").body.at("enabled"), false);
    const Answer invite = rule("GET", "override/.m.rule.invite_for_me");
    EXPECT_EQ(boost::json::serialize(invite.body.at("conditions").at(2)),
              R"({"kind":"event_match","key":"state_key","pattern":"@bob:hs.test"})");
}

TEST_F(PushRulesTest, OwnRulesAreFirstOfTheirKindOrBesideAnother) {
    const auto put_room = [&](const std::string& id, const std::string& place) {
        return rule("PUT", "room/" + id + place, R"({"actions":["notify"]})").status;
    };
    EXPECT_EQ(put_room("!a:hs.test", ""), 200);
    EXPECT_EQ(put_room("!b:hs.test", ""), 200);
    EXPECT_EQ(put_room("!c:hs.test", "?after=!b:hs.test"), 200);
    EXPECT_EQ(put_room("!d:hs.test", "?before=!a:hs.test"), 200);
    EXPECT_EQ(ids("room"), (Texts{"!b:hs.test", "!c:hs.test", "!d:hs.test", "!a:hs.test"}));
    EXPECT_EQ(put_room("!a:hs.test", "?before=!b:hs.test"), 200) << "is moved";
    EXPECT_EQ(ids("room"), (Texts{"!a:hs.test", "!b:hs.test", "!c:hs.test", "!d:hs.test"}));
    EXPECT_EQ(put_room("!e:hs.test", "?before=!unknown:hs.test"), 400);
    EXPECT_EQ(rule("DELETE", "room/!b:hs.test").status, 200);
    EXPECT_EQ(ids("room"), (Texts{"!a:hs.test", "!c:hs.test", "!d:hs.test"}));
    EXPECT_EQ(rule("DELETE", "room/!b:hs.test").status, 404);

    EXPECT_EQ(rule("PUT", "override/own", R"({"actions":[],"conditions":[]})").status, 200);
    const Texts all = ids("override");
    EXPECT_EQ((Texts{all[0], all[1], all[2]}), (Texts{".m.rule.master", "own", ".m.rule.suppress_notices"}));
    EXPECT_EQ(rule("PUT", "underride/own", R"({"actions":[],"conditions":[]})").status, 200) << "another kind";
    EXPECT_EQ(ids("underride").front(), "own");
    EXPECT_EQ(get("/pushrules/", alice).body.at("global").at("room").as_array().size(), 0U) << "those of somebody else";
}

TEST_F(PushRulesTest, AttributesOfOwnAndDefaultRulesCanBeSet) {
    EXPECT_EQ(rule("PUT", "content/cake", R"({"actions":["notify"],"pattern":"cake"})").status, 200);
    for (const std::string name : {"content/cake", "underride/.m.rule.message"}) {
        EXPECT_EQ(rule("PUT", name + "/enabled", R"({"enabled":false})").status, 200);
        EXPECT_EQ(rule("GET", name + "/enabled").body.at("enabled"), false);
        EXPECT_EQ(rule("PUT", name + "/actions", R"({"actions":[{"set_tweak":"highlight"}]})").status, 200);
        EXPECT_EQ(boost::json::serialize(rule("GET", name + "/actions").body), R"({"actions":[{"set_tweak":"highlight"}]})");
        EXPECT_EQ(rule("GET", name).body.at("enabled"), false);
    }
    EXPECT_EQ(rule("PUT", "content/cake", R"({"actions":["notify"],"pattern":"pie"})").status, 200);
    EXPECT_EQ(rule("GET", "content/cake").body.at("enabled"), false) << "putting it again keeps that";
    EXPECT_EQ(rule("GET", "content/cake").body.at("pattern"), "pie");
}

TEST_F(PushRulesTest, BadRequestsAreRefusedAndChangeNothing) {
    struct Refused {
        const char* method;
        const char* path;
        const char* body;
        int status;
        const char* errcode;
    };
    const Refused requests[] = {
        {"GET", "nonsense/x", "", 404, "M_UNRECOGNIZED"},
        {"GET", "room/!unknown:hs.test", "", 404, "M_NOT_FOUND"},
        {"GET", "underride/.m.rule.message/colour", "", 404, "M_UNRECOGNIZED"},
        {"PUT", "nonsense/x", R"({"actions":[]})", 404, "M_UNRECOGNIZED"},
        {"PUT", "override/.own", R"({"actions":[],"conditions":[]})", 400, "M_INVALID_PARAM"},
        {"PUT", "override/a%2Fb", R"({"actions":[],"conditions":[]})", 400, "M_INVALID_PARAM"},
        {"PUT", "override/a%5Cb", R"({"actions":[],"conditions":[]})", 400, "M_INVALID_PARAM"},
        {"PUT", "override/x", R"({"actions":[]})", 400, "M_MISSING_PARAM"},
        {"PUT", "override/x", R"({"conditions":[]})", 400, "M_MISSING_PARAM"},
        {"PUT", "override/x", R"({"actions":{},"conditions":[]})", 400, "M_MISSING_PARAM"},
        {"PUT", "override/x", R"({"actions":["shout"],"conditions":[]})", 400, "M_INVALID_PARAM"},
        {"PUT", "override/x", R"({"actions":[7],"conditions":[]})", 400, "M_INVALID_PARAM"},
        {"PUT", "override/x", R"({"actions":[],"conditions":[7]})", 400, "M_MISSING_PARAM"},
        {"PUT", "override/x", R"({"actions":[],"conditions":[{}]})", 400, "M_MISSING_PARAM"},
        {"PUT", "override/x", R"({"actions":[],"conditions":[{"kind":"event_match","key":"type"}]})", 400, "M_MISSING_PARAM"},
        {"PUT", "override/x",
         R"({"actions":[],"conditions":[{"kind":"event_match","key":"type","pattern":"x","pattern_type":"user_id"}]})", 400,
         "M_INVALID_PARAM"},
        {"PUT", "content/x", R"({"actions":[]})", 400, "M_MISSING_PARAM"},
        {"PUT", "content/x", R"({"actions":[],"pattern":7})", 400, "M_MISSING_PARAM"},
        {"PUT", "room/x", "[]", 400, "M_BAD_JSON"},
        {"PUT", "room/x", "{", 400, "M_NOT_JSON"},
        {"PUT", "room/x/enabled", R"({"enabled":true})", 404, "M_NOT_FOUND"},
        {"PUT", "underride/.m.rule.message/enabled", R"({"enabled":"yes"})", 400, "M_INVALID_PARAM"},
        {"PUT", "underride/.m.rule.message/actions", R"({"actions":["shout"]})", 400, "M_INVALID_PARAM"},
        {"DELETE", "underride/.m.rule.message", "", 404, "M_NOT_FOUND"},
        {"DELETE", "nonsense/x", "", 404, "M_UNRECOGNIZED"},
    };
    const std::string before = boost::json::serialize(get("/pushrules/", bob).body);
    for (const Refused& request : requests) {
        const Answer answer = rule(request.method, request.path, request.body);
        EXPECT_EQ(answer.status, request.status) << request.method << " " << request.path << request.body << answer.body;
        EXPECT_EQ(answer.text("errcode"), request.errcode) << request.method << " " << request.path << request.body;
    }
    const std::string long_pattern(1025, 'x');
    EXPECT_EQ(rule("PUT", "content/x", R"({"actions":[],"pattern":")" + long_pattern + "\"}").status, 400);
    EXPECT_EQ(boost::json::serialize(get("/pushrules/", bob).body), before);
    EXPECT_EQ(get("/pushrules/device/x", bob).text("errcode"), "M_UNRECOGNIZED");
    EXPECT_EQ(get("/pushrules/", "").status, 401);
}

TEST_F(PushRulesTest, TooManyRulesAreRefused) {
    const std::string pattern(1000, 'x');
    int status = 200;
    for (int number = 0; number < 100 && status == 200; ++number) {
        const std::string id = "content/rule" + std::to_string(number);
        status = rule("PUT", id, R"({"actions":[],"pattern":")" + pattern + "\"}").status;
    }
    EXPECT_EQ(status, 413);
    EXPECT_EQ(rule("DELETE", "content/rule1").status, 200);
}

TEST_F(PushRulesTest, SyncsTellTheRulesAndWakeWhenTheyChange) {
    const Answer first = get("/sync", bob);
    const boost::json::value& told = first.body.at("account_data").at("events").as_array().back();
    EXPECT_EQ(told.at("type"), "m.push_rules");
    EXPECT_EQ(told.at("content"), boost::json::value(get("/pushrules/", bob).body));
    EXPECT_EQ(boost::json::value(get("/user/@bob:hs.test/account_data/m.push_rules", bob).body), told.at("content"));
    const std::string since = first.text("next_batch");
    EXPECT_EQ(get("/sync?since=" + since, bob).body.at("account_data").at("events").as_array().size(), 0U);
    std::future<Answer> waiting =
        std::async(std::launch::async, [&] { return get("/sync?timeout=30000&since=" + since, bob); });
    EXPECT_EQ(rule("PUT", "room/!a:hs.test", R"({"actions":["notify"]})").status, 200);
    const Answer woken = waiting.get();
    ASSERT_EQ(woken.body.at("account_data").at("events").as_array().size(), 1U);
    const boost::json::value& content = woken.body.at("account_data").at("events").at(0).at("content");
    EXPECT_EQ(content.at("global").at("room").at(0).at("rule_id"), "!a:hs.test");
}

TEST_F(PushRulesTest, EachConditionIsMetByWhatItSays) {
    const std::string room = room_of(3, R"(,"power_level_content_override":{"notifications":{"room":60,"all":101}})");
    const std::string text = R"({"msgtype":"m.text","body":"Some Cake?","n":{"a.b":5,"flag":true,"list":["x",5,null]}})";
    struct Example {
        std::string condition;
        bool is_met;
    };
    const Example examples[] = {
        {R"({"kind":"event_match","key":"type","pattern":"m.room.message"})", true},
        {R"({"kind":"event_match","key":"type","pattern":"m.*"})", true},
        {R"({"kind":"event_match","key":"type","pattern":"message"})", false},
        {R"({"kind":"event_match","key":"content.body","pattern":"cake"})", true},
        {R"({"kind":"event_match","key":"content.body","pattern":"cak"})", false},
        {R"({"kind":"event_match","key":"content.msgtype","pattern":"text"})", false},
        {R"({"kind":"event_match","key":"content.n.flag","pattern":"true"})", false},
        {R"({"kind":"event_match","key":"content.missing","pattern":"*"})", false},
        {R"({"kind":"event_match","key":"sender","pattern":"@ALICE:*"})", true},
        {R"({"kind":"contains_display_name"})", false},
        {R"({"kind":"room_member_count","is":"3"})", true},
        {R"({"kind":"room_member_count","is":"==3"})", true},
        {R"({"kind":"room_member_count","is":">2"})", true},
        {R"({"kind":"room_member_count","is":"<3"})", false},
        {R"({"kind":"room_member_count","is":"<=3"})", true},
        {R"({"kind":"room_member_count","is":">=4"})", false},
        {R"({"kind":"room_member_count","is":"=3"})", false},
        {R"({"kind":"room_member_count","is":"many"})", false},
        {R"({"kind":"room_member_count"})", false},
        {R"({"kind":"sender_notification_permission","key":"room"})", true},
        {R"({"kind":"sender_notification_permission","key":"all"})", false},
        {R"({"kind":"event_property_is","key":"content.n.a\\.b","value":5})", true},
        {R"({"kind":"event_property_is","key":"content.n.a.b","value":5})", false},
        {R"({"kind":"event_property_is","key":"content.n.a\\.b","value":"5"})", false},
        {R"({"kind":"event_property_is","key":"content.n.flag","value":true})", true},
        {R"({"kind":"event_property_is","key":"content.n.flag","value":1})", false},
        {R"({"kind":"event_property_is","key":"content.body","value":"some cake?"})", false},
        {R"({"kind":"event_property_is","key":"content.n.list","value":["x",5,null]})", false},
        {R"({"kind":"event_property_contains","key":"content.n.list","value":"x"})", true},
        {R"({"kind":"event_property_contains","key":"content.n.list","value":null})", true},
        {R"({"kind":"event_property_contains","key":"content.n.list","value":"5"})", false},
        {R"({"kind":"event_property_contains","key":"content.body","value":"x"})", false},
        {R"({"kind":"org.example.unknown"})", false},
        {R"({"kind":"event_match","key":"type","pattern":"*"},{"kind":"room_member_count","is":"7"})", false},
    };
    for (const Example& example : examples) {
        EXPECT_EQ(rule("PUT", "override/own",
                       R"({"actions":["notify",{"set_tweak":"highlight"}],"conditions":[)" + example.condition + "]}")
                      .status,
                  200);
        const std::string event_id = send_content(room, "m.room.message", text);
        EXPECT_EQ(unread(room), example.is_met ? "1 1" : "1 0") << example.condition;
        read(room, event_id);
    }
}

TEST_F(PushRulesTest, DefaultRulesNotifyOfWhatTheyAreFor) {
    const std::string room = room_of(3);
    struct Example {
        std::string type;
        std::string content;
        std::string counts;
    };
    const Example examples[] = {
        {"m.room.message", R"({"msgtype":"m.text","body":"hello"})", "1 0"},
        {"m.room.message", R"({"msgtype":"m.notice","body":"hello bob"})", "0 0"},
        {"m.room.message", R"({"msgtype":"m.text","body":"hello Bob!"})", "1 1"},
        {"m.room.message", R"({"msgtype":"m.text","body":"hello bobby"})", "1 0"},
        {"m.room.message", R"({"msgtype":"m.text","body":"hello Bob","m.mentions":{}})", "1 0"},
        {"m.room.message", R"({"msgtype":"m.text","body":"x","m.mentions":{"user_ids":["@bob:hs.test"]}})", "1 1"},
        {"m.room.message", R"({"msgtype":"m.text","body":"@room"})", "1 1"},
        {"m.room.message", R"({"msgtype":"m.text","body":"x","m.mentions":{"room":true}})", "1 1"},
        {"m.room.message", R"({"body":"* x","m.relates_to":{"rel_type":"m.replace","event_id":"$x"}})", "0 0"},
        {"m.reaction", R"({"m.relates_to":{"rel_type":"m.annotation","event_id":"$x","key":"y"}})", "0 0"},
        {"m.room.encrypted", R"({"ciphertext":"x"})", "1 0"},
        {"m.call.invite", R"({})", "1 0"},
        {"org.example.other", R"({"body":"nothing"})", "0 0"},
        {"org.example.other", R"({"body":7})", "0 0"},
    };
    for (const Example& example : examples) {
        const std::string event_id = send_content(room, example.type, example.content);
        EXPECT_EQ(unread(room), example.counts) << example.type << example.content;
        read(room, event_id);
    }
    EXPECT_EQ(rule("PUT", "override/.m.rule.master/enabled", R"({"enabled":true})").status, 200);
    static_cast<void>(send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"hello Bob!"})"));
    EXPECT_EQ(unread(room), "0 0") << "everything is off";
}

TEST_F(PushRulesTest, ADisplayNameIsTheOneOfTheRoom) {
    const std::string room = room_of(3);
    EXPECT_EQ(put("/profile/@bob:hs.test/displayname", R"({"displayname":"Bo* the Great"})", bob).status, 200);
    const std::string first = send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"hi bo* the great"})");
    EXPECT_EQ(unread(room), "1 1");
    read(room, first);
    static_cast<void>(send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"hi bold the great"})"));
    EXPECT_EQ(unread(room), "1 0");
}

TEST_F(PushRulesTest, UnreadCountsGoWithWhatIsRead) {
    const std::string room = room_of(3);
    const std::string first = send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"one"})");
    const std::string second = send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"two, bob"})");
    const std::string in_thread = send_content(
        room, "m.room.message",
        R"({"msgtype":"m.text","body":"three","m.relates_to":{"rel_type":"m.thread","event_id":")" + first + "\"}}");
    EXPECT_EQ(unread(room), "3 1");
    const std::string since = get("/sync", bob).text("next_batch");
    read(room, first);
    EXPECT_EQ(unread(room), "2 1");
    const Answer later = get("/sync?since=" + since, bob);
    EXPECT_EQ(later.body.at("rooms").at("join").at(room).at("unread_notifications").at("notification_count"), 2);
    read(room, second, R"({"thread_id":"main"})");
    EXPECT_EQ(unread(room), "1 0") << "what is in the thread isn't read";
    read(room, in_thread, R"({"thread_id":")" + first + "\"}");
    EXPECT_EQ(unread(room), "0 0");

    static_cast<void>(send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"four"})"));
    EXPECT_EQ(send(room, "an answer", bob).status, 200);
    EXPECT_EQ(unread(room), "0 0") << "who answers has read";
    const std::string gone = send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"five"})");
    EXPECT_EQ(unread(room), "1 0");
    EXPECT_EQ(put("/rooms/" + room + "/redact/" + gone + "/r1", "{}", alice).status, 200);
    EXPECT_EQ(unread(room), "0 0") << "the event was redacted";
    static_cast<void>(send_content(room, "m.room.message", R"({"msgtype":"m.text","body":"six"})"));
    EXPECT_EQ(post("/rooms/" + room + "/leave", "{}", bob).status, 200);
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    EXPECT_EQ(unread(room), "0 0") << "left and came back";
}

}  // namespace
