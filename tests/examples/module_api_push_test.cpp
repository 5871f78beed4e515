#include "gateway_peer.h"
#include "module_api_test.h"

namespace {

using namespace homeserver_test;

class ModuleApiPushTest : public ModuleApiServer {
protected:
    ModuleApiPushTest() : ModuleApiServer(reaches_loopback), bob(server.register_user("bob")) {}

    /// Sets a pusher of bob's; gives its device.
    [[nodiscard]] std::string set(const std::string& token, const std::string& pusher) const {
        EXPECT_EQ(post("/pushers/set", pusher, token).status, 200);
        return get("/account/whoami", token).text("device_id");
    }

    GatewayPeer gateway;
    std::string bob;
};

TEST_F(ModuleApiPushTest, SendsNotificationsOfItsOwnToAllPushersOrThoseOfADevice) {
    const std::string first = set(bob, gateway.pusher("one", R"(,"default_payload":{"a":1,"b":1})"));
    const Answer login = post("/login", password_login("bob"), "");
    const std::string second = set(login.text("access_token"), gateway.pusher("two"));
    EXPECT_EQ(
        json("send_http_push_notification",
             R"(["@bob:hs.test",")" + first + R"(",{"type":"org.example","devices":"theirs"},{"sound":"ring"},{"b":2,"c":2}])"),
        R"({")" + first + R"(":true})");
    const boost::json::object told = gateway.next();
    EXPECT_EQ(told.at("type"), "org.example");
    ASSERT_TRUE(told.at("devices").is_array());
    EXPECT_EQ(told.at("devices").at(0).at("pushkey"), "one");
    EXPECT_EQ(told.at("devices").at(0).at("tweaks").at("sound"), "ring");
    EXPECT_EQ(boost::json::serialize(told.at("devices").at(0).at("data")), R"({"default_payload":{"a":1,"b":2,"c":2}})");

    const boost::json::value both = result("send_http_push_notification", R"(["@bob:hs.test",null,{"x":1}])");
    EXPECT_EQ(both.at(first), true);
    EXPECT_EQ(both.at(second), true);
    EXPECT_EQ(gateway.next().at("x"), 1);
    EXPECT_EQ(gateway.next().at("x"), 1);
    EXPECT_EQ(json("send_http_push_notification", R"(["@bob:hs.test","UNKNOWN",{}])"), "{}");
    EXPECT_EQ(json("send_http_push_notification", R"(["@unknown:hs.test",null,{}])"), "{}");
    EXPECT_EQ(json("send_http_push_notification", R"(["@bob:other.test",null,{}])"), "{}");
    EXPECT_TRUE(gateway.was_told_nothing());
}

TEST_F(ModuleApiPushTest, TellsOfGatewaysThatFailOrReject) {
    const std::string device = set(bob, gateway.pusher("one"));
    gateway.answer_next(500, "");
    const std::string refused = "{\"" + device + "\":false}";
    EXPECT_EQ(json("send_http_push_notification", R"(["@bob:hs.test",null,{}])"), refused);
    EXPECT_EQ(get("/pushers", bob).body.at("pushers").as_array().size(), 1U);
    gateway.answer_next(200, R"({"rejected":["one"]})");
    EXPECT_EQ(json("send_http_push_notification", R"(["@bob:hs.test",null,{}])"), refused);
    EXPECT_EQ(get("/pushers", bob).body.at("pushers").as_array().size(), 0U);
}

TEST_F(ModuleApiPushTest, SetsTheActionsOfRules) {
    EXPECT_EQ(put("/pushrules/global/room/!a:hs.test", R"({"actions":[]})", bob).status, 200);
    for (const std::string rule : {R"("room","!a:hs.test")", R"("underride",".m.rule.message")"}) {
        static_cast<void>(
            result("set_push_rule_action", R"(["@bob:hs.test","global",)" + rule + R"(,["notify",{"set_tweak":"x"}]])"));
    }
    for (const std::string path : {"room/!a:hs.test", "underride/.m.rule.message"}) {
        EXPECT_EQ(boost::json::serialize(get("/pushrules/global/" + path + "/actions", bob).body),
                  R"({"actions":["notify",{"set_tweak":"x"}]})");
    }
}

TEST_F(ModuleApiPushTest, RefusesWhatIsNoRuleOrNoAction) {
    static_cast<void>(
        result("check_push_rule_actions", R"([["notify","dont_notify","coalesce",{"set_tweak":"sound","value":"x"}]])"));
    static_cast<void>(result("check_push_rule_actions", "[[]]"));
    const Refusal refusals[] = {
        {"check_push_rule_actions", R"([["shout"]])", "InvalidRuleException no push rule may have the action \"shout\""},
        {"check_push_rule_actions", R"([["notify",7]])", "InvalidRuleException no push rule may have the action 7"},
        {"check_push_rule_actions", R"([[{"tweak":1}]])",
         "InvalidRuleException no push rule may have the action {\"tweak\":1}"},
        {"set_push_rule_action", R"(["@bob:hs.test","device","room","!a:hs.test",[]])",
         "runtime_error push rules have the scope global, not device"},
        {"set_push_rule_action", R"(["@bob:hs.test","global","room","!a:hs.test",["shout"]])",
         "InvalidRuleException no push rule may have the action \"shout\""},
        {"set_push_rule_action", R"(["@bob:hs.test","global","room","!a:hs.test",[]])",
         "RuleNotFoundException there is no push rule room/!a:hs.test"},
        {"set_push_rule_action", R"(["@bob:hs.test","global","nonsense",".m.rule.message",[]])",
         "RuleNotFoundException there is no push rule nonsense/.m.rule.message"},
        {"set_push_rule_action", R"(["@unknown:hs.test","global","underride",".m.rule.message",[]])",
         "RuleNotFoundException there is no user @unknown:hs.test"},
        {"set_push_rule_action", R"(["bob","global","underride",".m.rule.message",[]])",
         "400 M_INVALID_PARAM Expected UserID string to start with '@'"},
        {"send_http_push_notification", R"(["bob",null,{}])", "400 M_INVALID_PARAM Expected UserID string to start with '@'"},
    };
    for (const Refusal& refusal : refusals) {
        EXPECT_EQ(error_text(call(refusal.method, refusal.arguments)), refusal.error) << refusal;
    }
}

}  // namespace
