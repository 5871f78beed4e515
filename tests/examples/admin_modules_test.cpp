#include "admin_server.h"

#include <algorithm>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

/// Two probes, the cached lookup of a service that isn't there, and a module that does nothing; an admin. Two workers, which
/// the requests go to in turns.
class AdminModulesTest : public AdminServer {
protected:
    AdminModulesTest()
        : AdminServer(
              "modules:\n"
              "  - {module: probe.Probe, config: {name: a, unsigned: false}}\n"
              "  - {module: my_module.MyModule, config: {endpoint: 'http://127.0.0.1:1/'}}\n"
              "  - {module: probe.Probe, config: {name: b, unsigned: false, auth: false}}\n"
              "  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: ['@mallory:hs.test']}}\n",
              2) {}

    [[nodiscard]] boost::json::object module(std::size_t index) const {
        const Answer answer = admin("GET", "/v1/modules");
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.body.at("modules").at(index).as_object();
    }
    [[nodiscard]] std::int64_t count(std::size_t index, const std::string& callback, const std::string& what) const {
        return module(index).at("callbacks").at(callback).at(what).to_number<std::int64_t>();
    }
};

TEST_F(AdminModulesTest, ListsTheModulesInTheConfigurationsOrderWithWhatTheyRegistered) {
    const Answer answer = admin("GET", "/v1/modules");
    EXPECT_EQ(answer.body.at("workers"), 2);
    Texts names;
    for (const boost::json::value& listed : answer.body.at("modules").as_array()) {
        names.emplace_back(listed.at("name").as_string());
        const std::string library(listed.at("library").as_string());
        EXPECT_TRUE(library.ends_with("/" + names.back().substr(0, names.back().find('.')) + ".so")) << library;
    }
    EXPECT_EQ(names, (Texts{"probe.Probe", "my_module.MyModule", "probe.Probe", "list_spam_checker.ListSpamChecker"}));
    EXPECT_EQ(boost::json::serialize(module(0).at("web_resources")), R"(["/_synapse/client/probe/a"])");
    EXPECT_TRUE(module(0).at("callbacks").as_object().contains("auth_checkers"));
    EXPECT_FALSE(module(2).at("callbacks").as_object().contains("auth_checkers")) << "an entry's own, not the class's";
    EXPECT_TRUE(module(1).at("callbacks").as_object().empty());
    EXPECT_EQ(module(3).at("callbacks").as_object().size(), 1U);
    EXPECT_EQ(boost::json::serialize(module(3).at("callbacks").at("check_event_for_spam")),
              R"({"calls":0,"decided":0,"failed":0,"timed_calls":0,"timed_ms":0E0,"longest_ms":0E0,"p50_ms":0E0,"p90_ms":0E0,"p99_ms":0E0,"total_ms":0E0,"durations":[],)"
              R"("mode":"enforce","share":"100%"})");
    EXPECT_EQ(boost::json::serialize(module(3).at("background_calls")), R"({"calls":0,"failed":0})");
}

TEST_F(AdminModulesTest, SaysOfEachEntryWhereItStandsAndWhatItIs) {
    for (std::size_t index = 0; index < 4; ++index) EXPECT_EQ(module(index).at("position"), index);
    EXPECT_EQ(module(1).at("version"), HOMESERVER_VERSION) << "of the project that it was built in";
    EXPECT_EQ(module(0).at("state"), "running");
    EXPECT_EQ(boost::json::serialize(module(1).at("config")), R"({"endpoint":"http://127.0.0.1:1/"})");
    EXPECT_EQ(admin("PUT", "/v1/modules/3", R"({"mode":"shadow","share":"12.5%"})").status, 200);
    EXPECT_EQ(module(3).at("state"), "shadow");
    EXPECT_EQ(module(3).at("mode"), "shadow");
    EXPECT_EQ(module(3).at("share"), "12.5%");
    EXPECT_EQ(admin("PUT", "/v1/modules/3", R"({"mode":"off"})").status, 200);
    EXPECT_EQ(module(3).at("state"), "off");
    EXPECT_EQ(admin("PUT", "/v1/modules/1", R"({"mode":"off"})").status, 200);
    EXPECT_EQ(module(1).at("state"), "running") << "it has no callbacks, and its web resources go on";
}

TEST_F(AdminModulesTest, AreWatchedOnAPageThatAnybodyGetsAndWhoseDataAnyOriginMayAskFor) {
    const std::string page = "/_synapse/admin/modules";
    const Answer led = server.request("GET", page);
    EXPECT_EQ(led.status, 308);
    EXPECT_EQ(led.header("Location"), "modules/");
    const Answer html = server.request("GET", page + "/");
    EXPECT_EQ(html.status, 200);
    EXPECT_EQ(html.header("Content-Type"), "text/html; charset=utf-8");
    EXPECT_TRUE(html.header("Content-Security-Policy").starts_with("sandbox allow-scripts allow-forms;"));
    EXPECT_EQ(server.request("GET", page + "/inspector.js").status, 200);
    EXPECT_EQ(server.request("GET", page + "/nothing.js").status, 404);
    EXPECT_EQ(server.request("POST", page + "/", "{}").status, 405);
    const std::string alice = server.register_user("alice");
    for (const std::string data : {"/_synapse/admin/v1/modules", "/_synapse/admin/v1/background_updates/status"}) {
        for (const std::string& token : {std::string(), std::string("nobody's"), alice, root}) {
            const Answer answer = server.request("GET", data, {}, token);
            EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "*") << data << " " << answer.status;
        }
        const Answer allowed = server.request("OPTIONS", data);
        EXPECT_EQ(allowed.status, 204);
        EXPECT_NE(allowed.header("Access-Control-Allow-Headers").find("Authorization"), std::string::npos);
    }
    EXPECT_EQ(server.request("OPTIONS", "/_matrix/client/v3/login").header("Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(server.request("POST", "/_matrix/client/v3/login", "{").header("Access-Control-Allow-Origin"), "*");
}

/// Entries whose configuration has secrets, and whose callbacks differ.
class SecretiveModulesTest : public AdminServer {
protected:
    SecretiveModulesTest()
        : AdminServer(
              "modules:\n"
              "  - {module: my_auth_provider.MyAuthProvider, config: {credentials: {bob: building}}}\n"
              "  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: ['not http://me:pw@host/']}}\n"
              "  - {module: probe.Probe, config: {name: a}, callbacks: {check_event_for_spam: {mode: 'off'}}}\n") {}
};

TEST_F(SecretiveModulesTest, AreShownWithoutTheirSecrets) {
    const boost::json::array modules = admin("GET", "/v1/modules").body.at("modules").as_array();
    EXPECT_EQ(boost::json::serialize(modules.at(0).at("config")), R"({"credentials":{"bob":"***"}})");
    EXPECT_EQ(boost::json::serialize(modules.at(1).at("config")), R"({"evil_users":["not http://***@host/"]})");
    EXPECT_EQ(modules.at(2).at("mode"), "mixed");
    EXPECT_EQ(modules.at(2).at("state"), "running");
}

TEST_F(AdminModulesTest, CountsTheCallsOfAllWorkersTogether) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::int64_t before = count(0, "check_event_for_spam", "calls");
    for (int message = 0; message < 7; ++message) EXPECT_EQ(send(room, "hello", alice).status, 200);
    EXPECT_EQ(count(0, "check_event_for_spam", "calls"), before + 7);
    EXPECT_EQ(count(3, "check_event_for_spam", "calls"), before + 7);
    EXPECT_EQ(count(0, "check_event_for_spam", "decided"), 0);
    EXPECT_EQ(count(0, "check_event_for_spam", "failed"), 0);
    EXPECT_EQ(count(0, "user_may_create_room", "calls"), 1);
}

TEST_F(AdminModulesTest, CountsWhatAModuleRefusedAndWhereItFailed) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::int64_t before = count(2, "check_event_for_spam", "calls");
    for (int message = 0; message < 2; ++message) EXPECT_EQ(send(room, "spam code", alice).status, 403);
    for (int message = 0; message < 3; ++message) EXPECT_EQ(send(room, "spam throw", alice).status, 500);
    EXPECT_EQ(send(room, "spam only b", alice).status, 403);
    EXPECT_EQ(count(0, "check_event_for_spam", "decided"), 2);
    EXPECT_EQ(count(0, "check_event_for_spam", "failed"), 3);
    EXPECT_EQ(count(2, "check_event_for_spam", "decided"), 1);
    EXPECT_EQ(count(2, "check_event_for_spam", "failed"), 0);
    EXPECT_EQ(count(2, "check_event_for_spam", "calls"), before + 1) << "whom an earlier module decided for isn't asked";
}

TEST_F(AdminModulesTest, TimesACallbackThatWaits) {
    const std::string alice = server.register_user("alice");
    EXPECT_EQ(server.request("POST", "/_matrix/media/v3/upload", "bytes", alice).status, 200);
    EXPECT_EQ(count(0, "check_media_file_for_spam", "timed_calls"), 1);
    const boost::json::value row = module(0).at("callbacks").at("check_media_file_for_spam");
    EXPECT_GT(row.at("timed_ms").to_number<double>(), 0.0);
    EXPECT_EQ(row.at("timed_ms"), row.at("longest_ms"));
    EXPECT_EQ(row.at("total_ms"), row.at("longest_ms")) << "of the only call";
    for (const char* const part : {"p50_ms", "p90_ms", "p99_ms"}) {
        EXPECT_GT(row.at(part).to_number<double>(), 0.0) << part;
        EXPECT_LE(row.at(part).to_number<double>(), row.at("longest_ms").to_number<double>()) << part;
    }
}

TEST_F(AdminModulesTest, CountsWhatCachesHoldAndSpare) {
    const std::string department = "/_synapse/client/my_module/department?user_id=@alice:hs.test";
    for (int asked = 0; asked < 3; ++asked) EXPECT_EQ(server.request("GET", department).status, 500) << "nobody is there";
    const boost::json::value row = module(1).at("caches").at("get_department_for_user");
    EXPECT_EQ(row.at("misses"), 3);
    EXPECT_EQ(row.at("hits"), 0);
    EXPECT_EQ(row.at("size"), 0) << "a failure isn't kept";
    EXPECT_GT(row.at("max_size").to_number<int>(), 0);
}

TEST_F(AdminModulesTest, AreShownToAdminsOnly) {
    const std::string alice = server.register_user("alice");
    const std::string path = "/_synapse/admin/v1/modules";
    expect_error(server.request("GET", path, "", alice), 403, "M_FORBIDDEN", "You are not a server admin");
    expect_error(server.request("GET", path), 401, "M_MISSING_TOKEN", "Missing access token");
    expect_error(server.request("POST", path, "{}", root), 405, "M_UNRECOGNIZED", "Unrecognized request");
}

TEST_F(AdminModulesTest, TheLogSaysAtTheStartWhatEachRegistered) {
    EXPECT_TRUE(
        server.log_shows("info module my_module.MyModule registered web resources /_synapse/client/my_module/department, "
                         "/_synapse/client/my_module/forget; cached functions get_department_for_user\n"));
    EXPECT_TRUE(server.log_shows(
        "info module list_spam_checker.ListSpamChecker registered callbacks check_event_for_spam; web resources "
        "/_synapse/client/list_spam_checker/is_evil\n"));
}

class OrderedModulesTest : public AdminServer {
protected:
    OrderedModulesTest()
        : AdminServer(
              "modules:\n"
              "  - {module: probe.Probe, config: {name: a}, callbacks: {user_may_invite: {order: 1}}}\n"
              "  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: []}, callbacks: {order: -1}}\n"
              "  - {module: synapse_domain_rule_checker.DomainRuleChecker, config: {can_invite_if_not_in_domain_mapping: "
              "true}}\n") {}
};

TEST_F(OrderedModulesTest, AreShownPerCallbackInTheOrderInWhichTheyAreAsked) {
    const boost::json::value order = admin("GET", "/v1/modules").body.at("callback_order");
    EXPECT_EQ(boost::json::serialize(order.at("check_event_for_spam")),
              R"(["list_spam_checker.ListSpamChecker","probe.Probe"])");
    EXPECT_EQ(boost::json::serialize(order.at("user_may_invite")),
              R"(["synapse_domain_rule_checker.DomainRuleChecker","probe.Probe"])");
    EXPECT_EQ(boost::json::serialize(order.at("user_may_create_room_alias")), R"(["probe.Probe"])");
}

class NoModulesTest : public AdminServer {
protected:
    NoModulesTest() : AdminServer("") {}
};

TEST_F(NoModulesTest, AServerWithoutModulesSaysSo) {
    EXPECT_EQ(boost::json::serialize(admin("GET", "/v1/modules").body), R"({"workers":1,"modules":[]})");
}

}  // namespace
