#include "admin_server.h"

#include <modapi/database.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

constexpr const char* jobs = "/v1/background_updates/start_job";
constexpr const char* slow_pace =
    "background_updates: {sleep_enabled: true, sleep_duration_ms: 5, default_batch_size: 7, "
    "min_batch_size: 7, background_update_duration_ms: 1}\n";
constexpr const char* regenerate = R"({"job_name":"regenerate_directory"})";

/// Asks the server until it says so; fails the test after 20 s.
[[nodiscard]] bool becomes_true(const std::function<bool()>& said) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!said()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// A look into the database of a server that doesn't run.
class StoppedDatabase {
public:
    explicit StoppedDatabase(const std::filesystem::path& folder) : database_(modapi::Database::open(database_in(folder))) {}
    void change(const std::function<void(modapi::Transaction&)>& work) {
        database_->run_blocking(
            "test",
            [](modapi::Transaction& transaction, void* state) {
                (*static_cast<const std::function<void(modapi::Transaction&)>*>(state))(transaction);
            },
            const_cast<std::function<void(modapi::Transaction&)>*>(&work));
    }
    [[nodiscard]] std::int64_t number(const std::string& sql) {
        std::int64_t value = 0;
        change([&](modapi::Transaction& transaction) { value = std::get<0>(*transaction.query_one<std::int64_t>(sql)); });
        return value;
    }

private:
    std::unique_ptr<modapi::Database> database_;
};

class BackgroundUpdateTest : public ProbedAdminServer {
protected:
    explicit BackgroundUpdateTest(const std::string& settings = {}, int workers = 1)
        : ProbedAdminServer("{name: a, unsigned: false, updates: true}", settings, workers) {}

    /// What the controller was asked about an update, in order; the journal doesn't name the update of an exit.
    [[nodiscard]] Texts asked_of(const std::string& update) const {
        Texts asked;
        std::string current;
        for (const boost::json::value& record : journal()) {
            const std::string callback(record.at("callback").as_string());
            const boost::json::object& arguments = record.as_object();
            if (callback == "on_update") current = arguments.at("update_name").as_string();
            if (current != update || (!callback.starts_with("on_update") && !callback.ends_with("batch_size"))) continue;
            const boost::json::value* const one_shot = arguments.if_contains("one_shot");
            asked.push_back(callback + (one_shot != nullptr && one_shot->as_bool() ? " one_shot" : ""));
        }
        return asked;
    }
    [[nodiscard]] bool is_idle() const {
        return admin("GET", "/v1/background_updates/status").body.at("current_updates").as_object().empty();
    }
};

TEST_F(BackgroundUpdateTest, AJobAsksTheControllerBeforeEachBatchAndForBothSizes) {
    const std::string alice = server.register_user("alice");
    for (int room = 0; room < 12; ++room) static_cast<void>(create_room(alice));
    ASSERT_TRUE(server.log_shows("background update user_directory_words_by_prefix is done"));
    const Texts one_shot = asked_of("user_directory_words_by_prefix");
    EXPECT_EQ(one_shot, (Texts{"on_update one_shot", "default_batch_size", "on_update.exit"}));

    EXPECT_EQ(admin("POST", jobs, R"({"job_name":"populate_stats_process_rooms"})").status, 200);
    ASSERT_TRUE(server.log_shows("background update populate_stats_process_rooms is done: 12 items"));
    const Texts batched = asked_of("populate_stats_process_rooms");
    ASSERT_GE(batched.size(), 6);
    EXPECT_EQ((Texts(batched.begin(), batched.begin() + 6)),
              (Texts{"on_update", "default_batch_size", "on_update.exit", "on_update", "min_batch_size", "on_update.exit"}));
}

TEST_F(BackgroundUpdateTest, OnlyAdminsSeeAndSteerThem) {
    const std::string alice = server.register_user("alice");
    for (const char* const path : {"status", "enabled"}) {
        expect_error(server.request("GET", std::string("/_synapse/admin/v1/background_updates/") + path, "", alice), 403,
                     "M_FORBIDDEN", "You are not a server admin");
    }
    expect_error(server.request("POST", "/_synapse/admin/v1/background_updates/enabled", "{}", alice), 403, "M_FORBIDDEN",
                 "You are not a server admin");
    expect_error(server.request("POST", std::string("/_synapse/admin") + jobs, regenerate, alice), 403, "M_FORBIDDEN",
                 "You are not a server admin");
}

TEST_F(BackgroundUpdateTest, WhatIsDisabledWaitsAndIsQueuedOnce) {
    ASSERT_TRUE(server.log_shows("background update user_directory_words_by_prefix is done"));
    const std::string enabled = "/v1/background_updates/enabled";
    EXPECT_EQ(admin("POST", enabled, R"({"enabled":false})").body.at("enabled"), false);
    EXPECT_EQ(admin("GET", enabled).body.at("enabled"), false);
    EXPECT_EQ(admin("GET", "/v1/background_updates/status").body.at("enabled"), false);
    EXPECT_EQ(admin("POST", jobs, regenerate).status, 200);
    expect_error(admin("POST", jobs, regenerate), 400, "M_UNKNOWN",
                 "Job regenerate_directory is already in queue of background updates.");
    EXPECT_EQ(asked_of("populate_user_directory_createtables"), Texts());
    EXPECT_EQ(admin("POST", enabled, "{}").body.at("enabled"), true);
    ASSERT_TRUE(server.log_shows("background update populate_user_directory_cleanup is done"));
    EXPECT_TRUE(is_idle());
    EXPECT_EQ(admin("POST", jobs, regenerate).status, 200);
}

TEST_F(BackgroundUpdateTest, BadRequestsAreToldWhatIsWrong) {
    expect_error(admin("POST", "/v1/background_updates/enabled", R"({"enabled":"yes"})"), 400, "M_UNKNOWN",
                 "'enabled' parameter must be a boolean");
    expect_error(admin("POST", jobs, "{}"), 400, "M_MISSING_PARAM", "Missing key 'job_name'");
    expect_error(admin("POST", jobs, R"({"job_name":"tidy"})"), 400, "M_UNKNOWN", "Invalid job_name");
}

/// Two modules that would both control the updates.
class ControllerTest : public AdminServer, public testing::WithParamInterface<const char*> {
protected:
    ControllerTest()
        : AdminServer(
              "modules:\n  - {module: scripted.Scripted, config: {name: a, updates: true}}\n"
              "  - {module: scripted.Scripted, config: {name: b, updates: true}}\n") {}

    void script(const std::string& of_a) const {
        EXPECT_EQ(server.request("PUT", "/_synapse/client/scripted/a", of_a).status, 200);
    }
    [[nodiscard]] bool was_asked(const std::string& module) const {
        const Answer answer = server.request("GET", "/_synapse/client/scripted/" + module);
        const boost::json::array& asked = answer.body.at("asked").as_array();
        return std::any_of(asked.begin(), asked.end(),
                           [](const boost::json::value& callback) { return callback.as_string() == GetParam(); });
    }
};

TEST_P(ControllerTest, OnlyTheFirstIsAskedAndItsExceptionsStopTheUpdatesAtTheFifthInARow) {
    ASSERT_TRUE(server.log_shows("background update user_directory_words_by_prefix is done"));
    for (int room = 0; room < 12; ++room) static_cast<void>(create_room(root));
    script(std::string("{\"") + GetParam() + "\":\"throw\"}");
    EXPECT_EQ(admin("POST", jobs, R"({"job_name":"populate_stats_process_rooms"})").status, 200);
    EXPECT_TRUE(server.log_shows("5 back-to-back background update failures; aborting."));
    const boost::json::value current = admin("GET", "/v1/background_updates/status").body.at("current_updates");
    EXPECT_EQ(current.at("master").at("name"), "populate_stats_process_rooms");
    script("{}");
    EXPECT_EQ(admin("POST", "/v1/background_updates/enabled", R"({"enabled":true})").status, 200);
    EXPECT_TRUE(server.log_shows("background update populate_stats_process_rooms is done: 12 items"));
    EXPECT_TRUE(was_asked("a"));
    EXPECT_FALSE(was_asked("b"));
}

INSTANTIATE_TEST_SUITE_P(Callback, ControllerTest, testing::Values("on_update", "default_batch_size", "min_batch_size"),
                         [](const auto& parameter) { return std::string(parameter.param); });

class BackgroundUpdatesOfThreeWorkersTest : public BackgroundUpdateTest {
protected:
    BackgroundUpdatesOfThreeWorkersTest() : BackgroundUpdateTest({}, 3) {}
};

TEST_F(BackgroundUpdatesOfThreeWorkersTest, EveryWorkerReachesTheMainOnesUpdater) {
    for (int request = 0; request < 6; ++request) EXPECT_EQ(admin("GET", "/v1/background_updates/status").status, 200);
    EXPECT_EQ(admin("POST", jobs, regenerate).status, 200);
    EXPECT_TRUE(server.log_shows("background update populate_user_directory_cleanup is done"));
}

TEST(BackgroundUpdatesThroughAKill, LoseAndRepeatNothing) {
    constexpr int users = 3000;
    const TemporaryFolder folder;
    { const ServerProcess server(folder.path(), slow_pace); }
    {
        StoppedDatabase database(folder.path());
        database.change([](modapi::Transaction& transaction) {
            for (int index = 0; index < users; ++index) {
                transaction.execute(
                    "INSERT INTO users (user_id, admin, is_guest, deactivated, shadow_banned, creation_ts) "
                    "VALUES (?, 0, 0, 0, 0, 0)",
                    "@u" + std::to_string(index) + ":hs.test");
            }
        });
    }
    {
        // Users without words: the server queues the directory's steps by itself.
        ServerProcess server(folder.path(), slow_pace);
        ASSERT_TRUE(server.log_shows("background update populate_user_directory_process_rooms is done"));
        StoppedDatabase database(folder.path());
        ASSERT_TRUE(becomes_true([&] { return database.number("SELECT COUNT(*) FROM user_directory_words") > 100; }));
        server.kill();
    }
    std::int64_t done = 0;
    {
        StoppedDatabase database(folder.path());
        done = database.number("SELECT COUNT(*) FROM user_directory_words");
        ASSERT_LT(done, users);
        EXPECT_EQ(database.number("SELECT COUNT(*) FROM user_directory_users_to_scan"), users - done);
        const std::string progress = "{\"users_done\":" + std::to_string(done) + "}";
        database.change([&](modapi::Transaction& transaction) {
            EXPECT_EQ(std::get<0>(*transaction.query_one<std::string>(
                          "SELECT progress_json FROM background_updates WHERE update_name = ?",
                          std::string("populate_user_directory_process_users"))),
                      progress);
        });
    }
    {
        const ServerProcess server(folder.path(), "background_updates: {sleep_enabled: false}\n");
        EXPECT_TRUE(server.log_shows(
            "background update populate_user_directory_process_users is done: " + std::to_string(users - done) + " items"));
        EXPECT_TRUE(server.log_shows("background update populate_user_directory_cleanup is done"));
        StoppedDatabase database(folder.path());
        EXPECT_TRUE(becomes_true([&] { return database.number("SELECT COUNT(*) FROM background_updates") == 0; }));
    }
    StoppedDatabase database(folder.path());
    EXPECT_EQ(database.number("SELECT COUNT(*) FROM user_directory_words"), users);
}

}  // namespace
