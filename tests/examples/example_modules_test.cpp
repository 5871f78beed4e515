#include "room_test.h"

#include "../libmodapi/http_test_server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <mutex>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

std::string modules(const std::string& name, const std::string& config) {
    return "modules:\n  - module: " + name + "\n    config: " + config + "\n";
}

class AuthProviderTest : public RoomTest {
protected:
    AuthProviderTest() : RoomTest(modules("my_auth_provider.MyAuthProvider", "{}")) {}
    [[nodiscard]] Answer login(const std::string& type, const std::string& user, const std::string& secret) const {
        return post("/login",
                    R"({"type":")" + type + R"(","identifier":{"type":"m.id.user","user":")" + user + R"("},)" + secret + "}",
                    {});
    }
};

TEST_F(AuthProviderTest, ListedUsersLogInWithBothTypes) {
    static_cast<void>(server.register_user("bob"));
    EXPECT_EQ(login("my.login_type", "bob", R"("my_field":"building")").text("user_id"), "@bob:hs.test");
    EXPECT_EQ(login("m.login.password", "bob", R"("password":"building")").text("user_id"), "@bob:hs.test");
    EXPECT_EQ(login("my.login_type", "bob", R"("my_field":"digging")").status, 403);
}

TEST_F(AuthProviderTest, NobodyElseGetsInWithAFieldThatIsNoString) {
    static_cast<void>(server.register_user("alice"));
    static_cast<void>(server.register_user("bob"));
    for (const char* field : {"null", "\"\"", "0", "false", "[]", "{}"}) {
        const std::string secret = std::string(R"("my_field":)") + field;
        EXPECT_EQ(login("my.login_type", "alice", secret).status, 403) << field;
        EXPECT_EQ(login("my.login_type", "bob", secret).status, 403) << field;
    }
    EXPECT_EQ(login("m.login.password", "alice", R"("password":"secret of alice")").status, 200)
        << "the host's own passwords go on";
}

class SpamListTest : public RoomTest {
protected:
    SpamListTest() : RoomTest(modules("list_spam_checker.ListSpamChecker", R"({evil_users: ["@mallory:hs.test"]})")) {}
};

TEST_F(SpamListTest, ListedUsersAreSilencedAndTheResourceSaysWhoTheyAre) {
    const std::string alice = server.register_user("alice");
    const std::string mallory = server.register_user("mallory");
    const std::string room = create_room(mallory, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", alice).status, 200);
    expect_error(send(room, "hello", mallory), 403, "M_FORBIDDEN", "This message had been rejected as probable spam");
    EXPECT_EQ(send(room, "hello", alice).status, 200);
    const std::string path = "/_synapse/client/list_spam_checker/is_evil";
    EXPECT_EQ(server.request("GET", path + "?user=@mallory:hs.test").body.at("evil"), true);
    EXPECT_EQ(server.request("GET", path + "?user=@alice:hs.test").body.at("evil"), false);
    expect_error(server.request("GET", path), 400, "M_MISSING_PARAM", "Missing string query parameter user");
}

class AccountDataAuditTest : public RoomTest {
protected:
    AccountDataAuditTest() = default;
};

TEST_F(AccountDataAuditTest, ReportsChangesToTheRoom) {
    const std::string auditor = server.register_user("auditor");
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(auditor);
    EXPECT_EQ(server.request("GET", client + "/account/whoami", "", alice).status, 200);
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    const ServerProcess audited(folder.path(), modules("account_data_audit.CustomAccountDataModule",
                                                       "{audit_room: \"" + room + "\", sender: \"@auditor:hs.test\"}"));
    EXPECT_EQ(audited.request("PUT", client + "/user/@alice:hs.test/account_data/org.example.t", R"({"a":1})", alice).status,
              200);
    EXPECT_EQ(
        audited
            .request("PUT", client + "/user/@alice:hs.test/rooms/" + room + "/account_data/org.example.t", R"({"a":2})", alice)
            .status,
        200);
    const Answer history = audited.request("GET", client + "/rooms/" + room + "/messages?dir=b&limit=2", "", auditor);
    EXPECT_EQ(
        bodies(history.body.at("chunk")),
        (Texts{"@alice:hs.test has changed their account data for type org.example.t to: {\"a\":2} (in room " + room + ")",
               "@alice:hs.test has changed their account data for type org.example.t to: {\"a\":1}"}));
}

/// Answers as a test tells it to.
class Censor {
public:
    HttpTestServer service{[this](const HttpTestServer::Request& request) { return answer(request); }};
    std::string new_content = R"({"msgtype":"m.text","body":"censored"})";
    unsigned status = 200;
    std::string last_event;

private:
    HttpTestServer::Response answer(const HttpTestServer::Request& request) {
        last_event = request.body();
        return HttpTestServer::answer(status, new_content);
    }
};

class CensorTest : public Censor, public RoomTest {
protected:
    CensorTest()
        : RoomTest(modules("event_censorer.EventCensorer", "{endpoint: \"http://" + service.address() + "/censor-event\"}")) {}
};

TEST_F(CensorTest, TheServicesContentIsWhatIsSent) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const Answer answer = send(room, "original", alice);
    const Answer event = get("/rooms/" + room + "/event/" + answer.text("event_id"), alice);
    EXPECT_EQ(event.body.at("content").at("body"), "censored");
    EXPECT_EQ(boost::json::parse(last_event).at("content").at("body"), "original");
}

TEST_F(CensorTest, WhatCantBeCensoredIsntSent) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    status = 503;
    expect_error(send(room, "one", alice), 500, "M_UNKNOWN", "Internal server error");
    status = 200;
    for (const char* content : {"[]", "null", "no JSON", "\"text\""}) {
        new_content = content;
        EXPECT_EQ(send(room, "two", alice).status, 500) << content;
    }
    EXPECT_EQ(bodies(get("/rooms/" + room + "/messages?dir=b&limit=1", alice).body.at("chunk")), Texts{"m.room.guest_access"});
    EXPECT_TRUE(server.log_shows("event_censorer.EventCensorer"));
}

/// Knows one department, and counts how often it was asked.
class Departments {
public:
    HttpTestServer service{[this](const HttpTestServer::Request&) {
        ++questions;
        const std::lock_guard lock(mutex);
        return HttpTestServer::answer(200, R"({"department":")" + department + R"("})");
    }};
    std::atomic<int> questions = 0;
    std::mutex mutex;
    std::string department = "sales";
};

class DepartmentTest : public Departments, public RoomTest {
protected:
    DepartmentTest() : RoomTest(modules("my_module.MyModule", "{endpoint: \"http://" + service.address() + "/users\"}"), 2) {}
    [[nodiscard]] std::string ask() const {
        return server.request("GET", "/_synapse/client/my_module/department?user_id=@alice:hs.test").text("department");
    }
};

TEST_F(DepartmentTest, IsAskedOncePerWorkerAndAnInvalidationReachesBoth) {
    constexpr int most_requests = 500;
    for (int request = 0; request < most_requests && questions < 2; ++request) ASSERT_EQ(ask(), "sales");
    ASSERT_EQ(questions, 2) << "one worker got all connections";
    for (int request = 0; request < 20; ++request) ASSERT_EQ(ask(), "sales");
    EXPECT_EQ(questions, 2);
    {
        const std::lock_guard lock(mutex);
        department = "engineering";
    }
    EXPECT_EQ(server.request("POST", "/_synapse/client/my_module/forget", R"({"user_id":"@alice:hs.test"})").status, 200);
    for (int request = 0; request < most_requests && questions < 4; ++request) static_cast<void>(ask());
    EXPECT_EQ(questions, 4) << "an invalidation didn't reach the other worker";
    for (int request = 0; request < 20; ++request) EXPECT_EQ(ask(), "engineering");
    EXPECT_EQ(server.request("POST", "/_synapse/client/my_module/forget", "{}").status, 400);
}

/// A room in which two people have said something.
class TwoSpeakersTest : public RoomTest {
protected:
    using RoomTest::RoomTest;
    /// The newest events of it, as one of them sees them.
    [[nodiscard]] boost::json::array events(int most) {
        const std::string alice = server.register_user("alice");
        const std::string bob = server.register_user("bob");
        const std::string room = create_room(alice, R"({"preset":"public_chat"})");
        EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
        EXPECT_EQ(send(room, "from bob", bob).status, 200);
        EXPECT_EQ(send(room, "from alice", alice).status, 200);
        const Answer page = get("/rooms/" + room + "/messages?dir=b&limit=" + std::to_string(most), bob);
        return page.body.at("chunk").as_array();
    }
};

class DepartmentsOfSendersTest : public Departments, public TwoSpeakersTest {
protected:
    DepartmentsOfSendersTest()
        : TwoSpeakersTest(modules("my_module.MyModule", "{endpoint: \"http://" + service.address() +
                                                            "/users\", unsigned_field: org.example.department}")) {}
};

TEST_F(DepartmentsOfSendersTest, AreOnEachEventOfAPageAndAskedForOnceASender) {
    const boost::json::array page = events(20);
    EXPECT_GT(page.size(), 5U);
    for (const boost::json::value& event : page) EXPECT_EQ(event.at("unsigned").at("org.example.department"), "sales");
    EXPECT_EQ(questions, 2);
}

class BadgeTest : public TwoSpeakersTest {
protected:
    BadgeTest() : TwoSpeakersTest(modules("unsigned_fields.UnsignedFields", R"({badges: {"@alice:hs.test": staff}})")) {}
};

TEST_F(BadgeTest, ShowsOnlyOnTheEventsOfThoseWhoHaveOne) {
    const boost::json::array page = events(2);
    EXPECT_EQ(page.at(0).at("unsigned").at("org.example.badge"), "staff");
    EXPECT_FALSE(page.at(1).at("unsigned").as_object().contains("org.example.badge"));
}

class PresenceRouterTest : public RoomTest {
protected:
    PresenceRouterTest()
        : RoomTest(
              modules("custom_presence_router.CustomPresenceRouter", R"({routes: {"@alice:hs.test": ["@carol:hs.test"]}})")) {}
    [[nodiscard]] std::size_t seen_by(const std::string& token) const {
        return get("/sync", token).body.at("presence").at("events").as_array().size();
    }
};

TEST_F(PresenceRouterTest, ShowsPresenceWithoutASharedRoom) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string carol = server.register_user("carol");
    EXPECT_EQ(put("/presence/@carol:hs.test/status", R"({"presence":"online"})", carol).status, 200);
    EXPECT_EQ(seen_by(alice), 1U);
    EXPECT_EQ(seen_by(bob), 0U);
    EXPECT_EQ(get("/presence/@carol:hs.test/status", alice).text("presence"), "online");
    EXPECT_EQ(get("/presence/@bob:hs.test/status", alice).status, 403);
    EXPECT_EQ(get("/presence/@carol:hs.test/status", bob).status, 403);
}

TEST(ExampleConfiguration, MistakesAreOneLineThatLeadsToThem) {
    const auto errors_of = [](const std::string& configuration) {
        const TemporaryFolder folder;
        std::ofstream(folder.path() / "homeserver.yaml") << "server_name: hs.test\n" << configuration;
        const FinishedRun run =
            run_program(folder.path(), {"--config", (folder.path() / "homeserver.yaml").string(), "--check-config"});
        EXPECT_EQ(run.status, 1) << configuration;
        return run.errors;
    };
    EXPECT_THAT(
        errors_of(modules("account_data_audit.CustomAccountDataModule", "{sender: \"@a:b\"}")),
        testing::HasSubstr("modules[0].config.audit_room: is required (module account_data_audit.CustomAccountDataModule)"));
    EXPECT_THAT(errors_of(modules("list_spam_checker.ListSpamChecker", "{evil_users: alice}")),
                testing::HasSubstr("modules[0].config.evil_users: must be a list"));
    EXPECT_THAT(errors_of(modules("update_controller.UpdateController", "{duration_ms: 0}")),
                testing::HasSubstr("modules[0].config.duration_ms: must be at least 1"));
    EXPECT_THAT(errors_of(modules("my_auth_provider.MyAuthProvider", "{credentials: {bob: 7}}")),
                testing::HasSubstr("modules[0].config.credentials.bob: must be a string"));
}

}  // namespace
