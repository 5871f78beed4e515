#include "admin_server.h"
#include "patience.h"

#include <boost/json/serialize.hpp>

#include <gmock/gmock.h>

#include <csignal>
#include <string>
#include <vector>

/// What operators and clients are told of what modules decided.
namespace {

using namespace homeserver_test;

constexpr const char* two_probes =
    "modules:\n"
    "  - {module: probe.Probe, config: {name: a, unsigned: false}}\n"
    "  - {module: probe.Probe, config: {name: b, auth: false, unsigned: false}}\n";
constexpr const char* header = "X-Modapi-Decision";

class ModuleDecisions : public AdminServer {
protected:
    explicit ModuleDecisions(const std::string& settings = two_probes, int workers = 1)
        : AdminServer(settings, workers), alice(server.register_user("alice")) {}

    [[nodiscard]] Answer find(const std::string& query = {}, const std::string& token = {}) const {
        return server.request("GET", "/_synapse/admin/v1/modules/decisions" + query, {}, token.empty() ? root : token);
    }
    /// Those that are found, which must be so many.
    [[nodiscard]] boost::json::array decisions(const std::string& query, std::size_t expected) const {
        const Answer answer = find(query);
        EXPECT_EQ(answer.status, 200) << answer.body;
        boost::json::array found = answer.body.at("decisions").as_array();
        EXPECT_EQ(found.size(), expected) << answer.body;
        found.resize(expected, boost::json::object());
        return found;
    }
    /// The one that an error response names.
    [[nodiscard]] boost::json::value named_by(const Answer& refused) const {
        const std::string id = refused.header(header);
        EXPECT_NE(id, "") << refused.body;
        return decisions("?id=" + id, 1).at(0);
    }

    std::string alice;
};

TEST_F(ModuleDecisions, ARefusedMessageLeadsToItsDecision) {
    const std::string room = create_room(alice);
    const Answer refused = send(room, "spam code", alice);
    EXPECT_EQ(refused.status, 403);
    const boost::json::value decision = named_by(refused);
    EXPECT_EQ(decision.at("module"), "probe.Probe");
    EXPECT_EQ(decision.at("callback"), "check_event_for_spam");
    EXPECT_EQ(decision.at("outcome"), "denied");
    EXPECT_EQ(decision.at("errcode"), "M_FORBIDDEN");
    EXPECT_EQ(decision.at("text"), boost::json::value(refused.text("error")));
    EXPECT_EQ(decision.at("user_id"), "@alice:hs.test");
    EXPECT_EQ(decision.at("room_id"), boost::json::value(room));
    EXPECT_EQ(decision.at("worker"), "main");
    EXPECT_EQ(decision.at("address"), "127.0.0.1");
    EXPECT_NE(decision.at("process"), "");
    EXPECT_TRUE(server.log_shows("request_id=" + std::string(decision.at("request_id").as_string()) + "\n"));
    EXPECT_EQ(boost::json::serialize(decision).find("spam code"), std::string::npos) << decision;
    EXPECT_NE(refused.header("Access-Control-Expose-Headers").find(header), std::string::npos);
}

TEST_F(ModuleDecisions, EachHasTheAnswerThatTheClientGets) {
    const std::string room = create_room(alice);
    struct Expected {
        std::string body;
        std::string outcome;
        std::string callback;
    };
    const std::vector<Expected> all = {{"spam consent", "denied", "check_event_for_spam"},
                                       {"spam text", "denied", "check_event_for_spam"},
                                       {"spam error", "denied", "check_event_for_spam"},
                                       {"spam throw", "failed", "check_event_for_spam"},
                                       {"deny rule", "denied", "check_event_allowed"},
                                       {"error rule", "denied", "check_event_allowed"},
                                       {"throw rule", "failed", "check_event_allowed"}};
    for (const Expected& expected : all) {
        const Answer refused = send(room, expected.body, alice);
        EXPECT_GE(refused.status, 400) << expected.body;
        const boost::json::value decision = named_by(refused);
        EXPECT_EQ(decision.at("outcome"), boost::json::value(expected.outcome)) << decision;
        EXPECT_EQ(decision.at("callback"), boost::json::value(expected.callback)) << decision;
        EXPECT_EQ(decision.at("errcode"), boost::json::value(refused.text("errcode"))) << decision;
        if (expected.outcome != "denied") continue;
        EXPECT_EQ(decision.at("text"), boost::json::value(refused.text("error"))) << decision;
    }
}

TEST_F(ModuleDecisions, OfAReplacementSayWhichKeysWereChangedAndNotToWhat) {
    const std::string room = create_room(alice);
    const Answer answer = send(room, "replace rule", alice);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header(header), "");
    const boost::json::array found = decisions("?outcome=replaced", 1);
    EXPECT_EQ(found[0].at("callback"), "check_event_allowed");
    EXPECT_EQ(found[0].at("text"), "content.body");
    EXPECT_EQ(boost::json::serialize(found).find("replaced by a"), std::string::npos);
}

TEST_F(ModuleDecisions, OfAChangedRoomRequestSayWhichKeysWereChanged) {
    const Answer made = post("/createRoom", R"({"name":"stamped"})", alice);
    EXPECT_EQ(made.status, 200) << made.body;
    const boost::json::array found = decisions("?callback=on_create_room", 2);
    EXPECT_EQ(found[1].at("outcome"), "replaced");
    EXPECT_EQ(found[1].at("text"), "topic");
    EXPECT_EQ(found[1].at("user_id"), "@alice:hs.test");
}

TEST_F(ModuleDecisions, AnAnswerThatHidesItsModuleNamesNoDecision) {
    const Answer denied = post("/register", R"({"username":"denied-user","password":"pw","auth":{"type":"m.login.dummy"}})", {});
    EXPECT_EQ(denied.status, 429);
    EXPECT_EQ(denied.header(header), "");
    const boost::json::array found = decisions("?callback=check_registration_for_spam", 1);
    EXPECT_EQ(found[0].at("outcome"), "denied");
    EXPECT_EQ(found[0].at("text"), "DENY");
    const Answer banned = post("/register", R"({"username":"shadow-user","password":"pw","auth":{"type":"m.login.dummy"}})", {});
    EXPECT_EQ(banned.status, 200);
    EXPECT_EQ(banned.header(header), "");
    EXPECT_EQ(decisions("?callback=check_registration_for_spam", 2)[0].at("text"), "SHADOW_BAN");
}

TEST_F(ModuleDecisions, AnErrorThatNoModuleCausedNamesNone) {
    EXPECT_EQ(get("/rooms/!nothing:hs.test/state", alice).header(header), "");
    EXPECT_EQ(find("", "wrong token").header(header), "");
}

TEST_F(ModuleDecisions, APasswordIsInNone) {
    const std::string password = "a password of nobody's";
    static_cast<void>(post("/login", R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":")" + password + R"("})", {}));
    const Answer answer = find();
    EXPECT_EQ(boost::json::serialize(answer.body).find(password), std::string::npos);
}

TEST_F(ModuleDecisions, ArePagedThroughNewestFirst) {
    const std::string room = create_room(alice);
    std::vector<std::string> ids;
    for (int message = 0; message < 5; ++message) ids.push_back(send(room, "spam code", alice).header(header));
    std::vector<std::string> found;
    std::string query = "?limit=2&callback=check_event_for_spam";
    for (std::string from; found.size() < ids.size();) {
        const Answer page = find(query + from);
        ASSERT_EQ(page.status, 200) << page.body;
        for (const boost::json::value& decision : page.body.at("decisions").as_array())
            found.emplace_back(decision.at("id").as_string());
        const boost::json::value& next = page.body.at("next_batch");
        EXPECT_EQ(next.is_null(), found.size() == ids.size());
        if (next.is_null()) break;
        from = "&from=" + std::string(next.as_string());
    }
    EXPECT_EQ(found, (std::vector<std::string>(ids.rbegin(), ids.rend())));
}

TEST_F(ModuleDecisions, AreForAdminsOnly) {
    EXPECT_EQ(find("", alice).status, 403);
    EXPECT_EQ(find("?limit=nonsense", alice).status, 403);
    EXPECT_EQ(server.request("GET", "/_synapse/admin/v1/modules/decisions").status, 401);
}

TEST_F(ModuleDecisions, RefusesFiltersThatAreNone) {
    for (const char* const query :
         {"?since=yesterday", "?until=-1", "?since=99999999999999999999", "?limit=0", "?limit=-5", "?limit=many", "?from=nonsense",
          "?from=12_", "?user_id=alice", "?room_id=%23alias:hs.test", "?request_id=GET-12", "?id=%27%20OR%201=1", "?outcome=refused"}) {
        const Answer answer = find(query);
        EXPECT_EQ(answer.status, 400) << query << answer.body;
        EXPECT_EQ(answer.text("errcode"), "M_INVALID_PARAM") << query;
    }
    for (const char* const query : {"?since=0&until=999999999999999", "?module=nothing", "?callback=x", "?limit=1000000"}) {
        const Answer answer = find(query);
        EXPECT_EQ(answer.status, 200) << query << answer.body;
    }
}

/// A server that keeps them in its database.
class KeptDecisions : public ModuleDecisions {
protected:
    KeptDecisions() : ModuleDecisions(settings) {}

    static inline const std::string settings = std::string("module_decisions: {in_memory: 3, keep: 7d}\n") + two_probes;
};

TEST_F(KeptDecisions, AreFoundAlsoWhereMemoryHasThemNoMoreAndAfterTheServerEnded) {
    const std::string room = create_room(alice);
    std::vector<std::string> ids;
    for (int message = 0; message < 8; ++message) {
        ids.push_back(send(room, "spam text", alice).header(header));
        const Patience patience;
        while (find("?id=" + ids.back()).body.at("decisions").as_array().empty() && patience.is_left()) continue;
    }
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    const ServerProcess again(folder.path(), "enable_registration: true\nenable_registration_without_verification: true\n" + settings);
    const Answer answer = again.request("GET", "/_synapse/admin/v1/modules/decisions?user_id=@alice:hs.test", {}, root);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const boost::json::array& found = answer.body.at("decisions").as_array();
    ASSERT_GE(found.size(), 3U) << answer.body;
    EXPECT_EQ(found[0].at("id"), boost::json::value(ids.back()));
    EXPECT_EQ(found[0].at("text"), "no thanks from a");
}

}  // namespace
