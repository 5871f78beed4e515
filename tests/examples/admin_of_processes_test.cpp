#include "admin_server.h"
#include "patience.h"
#include "processes_test.h"

#include <gmock/gmock.h>

#include <csignal>

/// What admins ask any process of a server, and are told of all.
namespace {

using namespace homeserver_test;
using testing::HasSubstr;

constexpr const char* checker =
    "background_updates: {sleep_duration_ms: 5}\nmodules:\n  - {module: list_spam_checker.ListSpamChecker, config: "
    "{evil_users: ['@mallory:hs.test']}}\n";

class AdminOfProcessesTest : public TwoProcessesTest {
protected:
    AdminOfProcessesTest() : TwoProcessesTest(checker), root(register_by_secret(a, "root", true).text("access_token")) {}

    [[nodiscard]] Answer admin(const ServerProcess& at, const std::string& method, const std::string& path,
                               const std::string& body = {}) const {
        return at.request(method, "/_synapse/admin/v1" + path, body, root);
    }
    /// What is refused to mallory at `at`.
    [[nodiscard]] Answer refused(const ServerProcess& at) {
        if (mallory.empty()) mallory = a.register_user("mallory");
        if (room.empty()) room = create_room(a, mallory);
        Answer answer = send(at, room, std::to_string(++messages), "buy", mallory);
        EXPECT_EQ(answer.status, 403);
        return answer;
    }
    [[nodiscard]] static std::string text(const boost::json::value& value) { return boost::json::serialize(value); }
    /// The text of an answer that is no JSON.
    [[nodiscard]] std::string metrics(const ServerProcess& at) const {
        RawConnection connection(at.port());
        connection.send("GET /_synapse/admin/v1/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " +
                        root + "\r\n\r\n");
        return connection.read_to_end();
    }

    std::string root;
    std::string mallory;
    std::string room;
    int messages = 0;
};

TEST_F(AdminOfProcessesTest, AddsUpWhatTheModulesOfAllDid) {
    static_cast<void>(refused(a));
    static_cast<void>(refused(b));
    static_cast<void>(refused(b));
    for (const ServerProcess* const at : {&a, &b}) {
        const Answer answer = admin(*at, "GET", "/modules");
        EXPECT_EQ(answer.body.at("workers"), 2);
        EXPECT_EQ(text(answer.body.at("processes")),
                  R"([{"process":"b","workers":["b"]},{"process":"main","workers":["main"]}])");
        ASSERT_EQ(answer.body.at("modules").as_array().size(), 1U);
        EXPECT_EQ(answer.body.at("modules").at(0).at("callbacks").at("check_event_for_spam").at("decided"), 3);
        EXPECT_FALSE(answer.body.contains("workers_without_answer"));
        EXPECT_FALSE(answer.body.contains("processes_without_answer"));
    }
    EXPECT_EQ(admin(b, "PUT", "/modules/0", R"({"mode":"off"})").status, 200);
    EXPECT_EQ(admin(a, "GET", "/modules").body.at("modules").at(0).at("mode"), "mixed") << "it is off in one process alone";
    EXPECT_EQ(text(admin(a, "PUT", "/modules/0?scope=all", R"({"mode":"shadow"})").body),
              R"({"position":0,"name":"list_spam_checker.ListSpamChecker"})");
    EXPECT_EQ(admin(b, "GET", "/modules").body.at("modules").at(0).at("mode"), "shadow");
    EXPECT_EQ(admin(a, "PUT", "/modules/0?scope=some", R"({"mode":"shadow"})").status, 400);
}

TEST_F(AdminOfProcessesTest, WhatIsSaidOfAUsersRatesHoldsInAll) {
    const std::string alice = a.register_user("alice");
    const std::string own = create_room(a, alice);
    const std::string path = "/users/@alice:hs.test/override_ratelimit";
    const auto becomes = [&](const ServerProcess& at, int status) {
        for (const Patience patience; patience.is_left();) {
            if (send(at, own, std::to_string(++messages), "hello", alice).status == status) return true;
        }
        return false;
    };
    EXPECT_TRUE(becomes(a, 200));
    EXPECT_TRUE(becomes(b, 200));
    EXPECT_EQ(admin(a, "POST", path, R"({"messages_per_second":1,"burst_count":0})").status, 200);
    EXPECT_TRUE(becomes(b, 429)) << "which remembered that there is no such limit";
    EXPECT_EQ(text(admin(b, "GET", path).body), R"({"messages_per_second":1,"burst_count":0})");
    EXPECT_EQ(admin(b, "DELETE", path).status, 200);
    EXPECT_TRUE(becomes(a, 200));
}

TEST_F(AdminOfProcessesTest, NamesAProcessThatSaysNothing) {
    b.signal(SIGSTOP);
    const auto began = std::chrono::steady_clock::now();
    const Answer modules = admin(a, "GET", "/modules");
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    EXPECT_EQ(modules.body.at("workers"), 1);
    EXPECT_EQ(text(modules.body.at("processes_without_answer")), R"([{"process":"b","error":null}])");
    const Answer decisions = admin(a, "GET", "/modules/decisions");
    EXPECT_EQ(decisions.body.at("incomplete"), true);
    EXPECT_EQ(text(decisions.body.at("processes_without_answer")), R"([{"process":"b","error":null}])");
    b.signal(SIGCONT);
}

TEST_F(AdminOfProcessesTest, FindsADecisionOfAnyProcessByTheIdThatTheClientGot) {
    const std::string at_a = refused(a).header("X-Modapi-Decision");
    const std::string at_b = refused(b).header("X-Modapi-Decision");
    for (const ServerProcess* const at : {&a, &b}) {
        const Answer one = admin(*at, "GET", "/modules/decisions?id=" + at_b);
        ASSERT_EQ(one.body.at("decisions").as_array().size(), 1U) << one.body;
        EXPECT_EQ(one.body.at("decisions").at(0).at("process"), "b");
        EXPECT_EQ(one.body.at("decisions").at(0).at("worker"), "b");
        const Answer first = admin(*at, "GET", "/modules/decisions?limit=1");
        EXPECT_EQ(first.body.at("decisions").at(0).at("id"), boost::json::value(at_b)) << first.body;
        const Answer second = admin(*at, "GET", "/modules/decisions?limit=1&from=" + first.text("next_batch"));
        EXPECT_EQ(second.body.at("decisions").at(0).at("id"), boost::json::value(at_a)) << second.body;
        EXPECT_EQ(second.body.at("decisions").at(0).at("process"), "main");
        EXPECT_TRUE(second.body.at("next_batch").is_null());
    }
}

TEST_F(AdminOfProcessesTest, ShowsTheMetricsOfAllWithTheNamesOfTheirProcesses) {
    static_cast<void>(refused(b));
    const std::string text = metrics(a);
    for (const std::string process : {"main", "b"}) {
        EXPECT_THAT(text, HasSubstr("modapi_process_up{process=\"" + process + "\"} 1\n"));
        EXPECT_THAT(text, HasSubstr("modapi_worker_up{worker=\"" + process + "\",process=\"" + process + "\"} 1\n"));
        EXPECT_THAT(text, HasSubstr("process_open_fds{process=\"" + process + "\"} "));
    }
    EXPECT_THAT(
        text,
        HasSubstr("modapi_callback_decisions_total{module=\"list_spam_checker.ListSpamChecker\",worker=\"b\",callback=\"check_"
                  "event_for_spam\",outcome=\"denied\",process=\"b\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("modapi_background_lease_owned{process=\"main\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("modapi_background_lease_owned{process=\"b\"} 0\n"));
}

TEST_F(AdminOfProcessesTest, ReloadsOneProcessOrAllAndSaysWhatCameOfItInEach) {
    EXPECT_EQ(admin(a, "POST", "/modules/reload?scope=some", "{}").status, 400);
    const std::string kept = R"({"kept":["list_spam_checker.ListSpamChecker"],"replaced":[],"added":[],"removed":[]})";
    EXPECT_EQ(text(admin(b, "POST", "/modules/reload", "{}").body), kept);
    EXPECT_EQ(a.log().find("modules were changed"), std::string::npos);
    const Answer all = admin(b, "POST", "/modules/reload?scope=all", "{}");
    EXPECT_EQ(text(all.body), R"({"processes":{"b":)" + kept + R"(,"main":)" + kept + "}}");
    EXPECT_TRUE(a.log_shows("modules were changed (asked for by @root:hs.test): kept"));
    b.configure("worker_name: b\nmodules: 7\n");
    const Answer partly = admin(a, "POST", "/modules/reload?scope=all", "{}");
    EXPECT_EQ(partly.status, 200);
    EXPECT_EQ(text(partly.body.at("processes").at("main")), kept);
    EXPECT_THAT(std::string(partly.body.at("processes").at("b").at("error").as_string()), HasSubstr("modules: must be a list"));
}

TEST_F(AdminOfProcessesTest, HasBackgroundUpdatesRunWhereverTheyRunWhicheverProcessIsAsked) {
    const std::string off = R"({"enabled":false})";
    ASSERT_TRUE(a.log_shows("background update user_directory_words_by_prefix is done"));
    EXPECT_EQ(text(admin(b, "POST", "/background_updates/enabled", off).body), off);
    for (const ServerProcess* const at : {&a, &b}) {
        EXPECT_EQ(text(admin(*at, "GET", "/background_updates/enabled").body), off);
        EXPECT_EQ(text(admin(*at, "GET", "/background_updates/status").body), R"({"enabled":false,"current_updates":{}})");
    }
    EXPECT_EQ(admin(b, "POST", "/background_updates/start_job", R"({"job_name":"regenerate_directory"})").status, 200);
    EXPECT_EQ(admin(b, "POST", "/background_updates/enabled", R"({"enabled":true})").status, 200);
    EXPECT_TRUE(a.log_shows("background update populate_user_directory_process_users is done")) << a.log();
    EXPECT_EQ(admin(b, "POST", "/background_updates/start_job", R"({"job_name":"populate_stats_process_rooms"})").status, 200);
    EXPECT_TRUE(a.log_shows("background update populate_stats_process_rooms is done")) << a.log();
    EXPECT_EQ(b.log().find("background update "), std::string::npos) << b.log();
}

TEST_F(AdminOfProcessesTest, KeepsBackgroundUpdatesFromRunningInWhoeverRunsThemNext) {
    const std::string off = R"({"enabled":false})";
    EXPECT_EQ(text(admin(a, "POST", "/background_updates/enabled", off).body), off);
    a.signal(SIGTERM);
    EXPECT_EQ(a.wait(), 0);
    EXPECT_TRUE(b.log_shows("runs the background tasks"));
    EXPECT_EQ(text(admin(b, "GET", "/background_updates/enabled").body), off);
}

TEST_F(AdminOfProcessesTest, LocksAndSuspendsAnAccountInAllOfThem) {
    const std::string alice = a.register_user("alice");
    const std::string hall = create_room(a, alice);
    const auto lock = [&](const std::string& body) {
        return a.request("PUT", "/_synapse/admin/v2/users/@alice:hs.test", body, root);
    };
    EXPECT_EQ(lock(R"({"locked":true})").status, 200);
    EXPECT_EQ(get(b, "/account/whoami", alice).text("errcode"), "M_USER_LOCKED");
    EXPECT_EQ(lock(R"({"locked":false})").status, 200);
    EXPECT_EQ(send(b, hall, "one", "hello", alice).status, 200);
    EXPECT_EQ(admin(a, "PUT", "/suspend/@alice:hs.test", R"({"suspend":true})").status, 200);
    EXPECT_EQ(send(b, hall, "two", "hello again", alice).text("errcode"), "M_USER_SUSPENDED");
}

TEST_F(AdminOfProcessesTest, IsToldThatBothAreHealthy) {
    for (const ServerProcess* const at : {&a, &b}) EXPECT_EQ(at->request("GET", "/health").status, 200);
}

}  // namespace
