#include "postgresql/test_database.h"
#include "room_test.h"

#include "process/schema.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <tuple>

/// The server on PostgreSQL: what of it has no counterpart on SQLite.
namespace {

using namespace homeserver_test;
using postgresql_test::administrate;

class PostgresqlStartTest : public testing::Test {
protected:
    /// stderr of a server that doesn't start.
    [[nodiscard]] std::string error_with(const std::string& arguments) const {
        const std::filesystem::path file = folder.path() / "hs.yaml";
        std::ofstream(file) << "server_name: hs\nlisteners: [{port: 0}]\ndatabase:\n  name: psycopg2\n  args: {" << arguments
                            << "}\n";
        const FinishedRun run = run_program(folder.path(), {"--config", file.string()});
        EXPECT_EQ(run.status, 1);
        EXPECT_EQ(run.output, "");
        EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
        const std::string place = file.string() + ":5: database.args: can't open the PostgreSQL database: ";
        EXPECT_TRUE(run.errors.starts_with(place)) << run.errors;
        return run.errors;
    }
    TemporaryFolder folder;
};

TEST_F(PostgresqlStartTest, NamesAHostThatDoesNotAnswerInOneLineWithoutThePassword) {
    const std::string error = error_with("host: 127.0.0.1, port: 1, user: modapi, password: hunter2, dbname: hs");
    EXPECT_NE(error.find("127.0.0.1"), std::string::npos) << error;
    EXPECT_NE(error.find("Connection refused"), std::string::npos) << error;
    EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
}

TEST_F(PostgresqlStartTest, NamesADatabaseThatDoesNotExist) {
    const std::string error = error_with("host: " + postgresql_test::host() + ", user: modapi, dbname: nowhere");
    EXPECT_NE(error.find("database \"nowhere\" does not exist"), std::string::npos) << error;
}

TEST_F(PostgresqlStartTest, RefusesAWrongPasswordInOneLineWithoutIt) {
    administrate("DROP ROLE IF EXISTS locked_too");
    administrate("CREATE ROLE locked_too LOGIN PASSWORD 'right'");
    const std::string error =
        error_with("host: " + postgresql_test::host() + ", user: locked_too, password: hunter2, dbname: postgres");
    EXPECT_NE(error.find("password authentication failed for user \"locked_too\""), std::string::npos) << error;
    EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
}

TEST(PostgresqlSchemaTest, IsMadeOnNoServerThatIsTooOld) {
    const TemporaryFolder folder;
    modapi::DatabaseSettings settings = database_in(folder.path());
    const auto make_it_look_older = [](modapi::Transaction& transaction) {
        transaction.execute("CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT CASE $1 WHEN "
                            "''server_version'' THEN ''11.22'' ELSE ''110022'' END'");
        return std::get<0>(transaction.query_one<std::string>("SELECT current_schema()").value());
    };
    const std::string schema = async::sync_wait(modapi::Database::open(settings)->run("older", make_it_look_older));
    settings.postgresql_options = "-c search_path=\"" + schema + "\",pg_catalog";  // its own functions before the server's
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(settings);
    try {
        homeserver::create_schema(*database);
        ADD_FAILURE() << "it was made";
    } catch (const modapi::DatabaseError& error) {
        EXPECT_STREQ(error.what(), "the server is PostgreSQL 11.22, and version 12 or later is needed");
    }
}

class ThreeWorkersTest : public RoomTest {
protected:
    ThreeWorkersTest() : RoomTest("", 3) {}
    /// Does it `count` times at once.
    static void at_once(int count, const std::function<void(int)>& work) {
        std::vector<std::thread> threads;
        for (int index = 0; index < count; ++index) threads.emplace_back(work, index);
        for (std::thread& thread : threads) thread.join();
    }
};

TEST_F(ThreeWorkersTest, StoreEveryMessageThatIsSentAtOnceExactlyOnceAndInOneOrder) {
    constexpr int senders = 6;
    constexpr int each = 8;
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    at_once(senders, [&](int sender) {
        for (int message = 0; message < each; ++message) {
            const std::string transaction = std::to_string(sender) + "-" + std::to_string(message);
            EXPECT_EQ(put("/rooms/" + room + "/send/m.room.message/" + transaction,
                          R"({"msgtype":"m.text","body":"m)" + transaction + R"("})", alice)
                          .status,
                      200);
        }
    });
    const Answer back = get("/rooms/" + room + "/messages?dir=b&limit=" + std::to_string(senders * each), alice);
    const std::vector<std::string> found = bodies(back.body.at("chunk"));
    EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), static_cast<std::size_t>(senders * each));
}

TEST_F(ThreeWorkersTest, GiveAUserNameToOneOfThoseWhoAskAtOnce) {
    std::atomic<int> registered = 0;
    std::atomic<int> taken = 0;
    at_once(6, [&](int) {
        const Answer answer = post("/register", R"({"username":"wanted","password":"pw","auth":{"type":"m.login.dummy"}})", "");
        registered += answer.status == 200;
        taken += answer.text("errcode") == "M_USER_IN_USE";
    });
    EXPECT_EQ(registered, 1);
    EXPECT_EQ(taken, 5);
}

TEST_F(ThreeWorkersTest, RefuseATokenAtOnceThatWasLoggedOutAtAnyOfThem) {
    constexpr int requests = 12;  // each on a connection of its own: every worker gets some
    for (int round = 0; round < 3; ++round) {
        const std::string token = server.register_user("user" + std::to_string(round));
        for (int request = 0; request < requests; ++request) EXPECT_EQ(get("/account/whoami", token).status, 200);
        EXPECT_EQ(post("/logout", "", token).status, 200);
        for (int request = 0; request < requests; ++request) {
            expect_error(get("/account/whoami", token), 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
        }
    }
}

TEST_F(ThreeWorkersTest, GoOnWhenTheirConnectionsAreCut) {
    const std::string alice = server.register_user("alice");
    postgresql_test::cut_off(folder.path().filename());
    const std::string room = create_room(alice);
    EXPECT_EQ(send(room, "still here", alice).status, 200);
    EXPECT_TRUE(server.log_shows("is tried again"));
}

TEST_F(ThreeWorkersTest, AnswerAnErrorWhileTheDatabaseIsClosedAndGoOnWhenItIsOpen) {
    const std::string alice = server.register_user("alice");
    const std::string name = folder.path().filename();
    administrate("ALTER ROLE \"" + name + "\" NOLOGIN");
    postgresql_test::cut_off(name);
    expect_error(post("/createRoom", "{}", alice), 500, "M_UNKNOWN", "Internal server error");
    administrate("ALTER ROLE \"" + name + "\" LOGIN");
    EXPECT_EQ(post("/createRoom", "{}", alice).status, 200);
}

}  // namespace
